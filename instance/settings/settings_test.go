package settings_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/instance/settings"
)

func open(t *testing.T, path string) *settings.Settings {
	t.Helper()
	s, err := settings.Open(path)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	return s
}

func set(t *testing.T, s *settings.Settings, changes map[string]string) {
	t.Helper()
	if err := s.Set(changes); err != nil {
		t.Fatalf("Set(%v): %v", changes, err)
	}
}

func get(t *testing.T, s *settings.Settings, key string) string {
	t.Helper()
	v, err := s.Get(key)
	if err != nil {
		t.Fatalf("Get(%q): %v", key, err)
	}
	return v
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "settings.yaml")
	s := open(t, path)
	for key, want := range map[string]string{
		settings.Domain: "", settings.DBConnection: "", settings.DBServerConnection: "",
		settings.HTTPPort: "80", settings.IPAddress: "[::]",
	} {
		if got := get(t, s, key); got != want {
			t.Errorf("Get(%q) = %q, want %q", key, got, want)
		}
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("reading the settings made a file: %v", err)
	}
}

func TestKeysAreSortedAndTakeTheirDefaults(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "settings.yaml"))
	last := ""
	for _, k := range settings.Keys() {
		if k.Name <= last {
			t.Errorf("%s comes after %s", k.Name, last)
		}
		last = k.Name
		if k.Doc == "" {
			t.Errorf("%s isn't documented", k.Name)
		}
		if err := s.Set(map[string]string{k.Name: k.Default}); err != nil {
			t.Errorf("the default of %s: %v", k.Name, err)
		}
	}
}

func TestSet(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "settings.yaml")
	s := open(t, path)
	set(t, s, map[string]string{settings.Domain: "store.example", settings.HTTPPort: "8080"})
	// Another process reads the new value, and its own change keeps it.
	other := open(t, path)
	if got := get(t, other, settings.HTTPPort); got != "8080" {
		t.Errorf("%s after Open = %q, want 8080", settings.HTTPPort, got)
	}
	set(t, other, map[string]string{settings.IPAddress: "127.0.0.1"})
	set(t, s, map[string]string{settings.HTTPPort: ""})
	want := map[string]string{settings.Domain: "store.example", settings.HTTPPort: "80", settings.IPAddress: "127.0.0.1"}
	for name, s := range map[string]*settings.Settings{"the one that set": s, "opened again": open(t, path)} {
		for key, want := range want {
			if got := get(t, s, key); got != want {
				t.Errorf("%s: Get(%q) = %q, want %q", name, key, got, want)
			}
		}
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode(); got != 0o600 {
		t.Errorf("mode = %v, want -rw-------", got)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*.new-*")); len(left) != 0 {
		t.Errorf("left over: %v", left)
	}
}

func TestSetTakesAllOrNothing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "settings.yaml")
	s := open(t, path)
	set(t, s, map[string]string{settings.Domain: "a.example"})
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []map[string]string{
		{settings.Domain: "b.example", settings.HTTPPort: "none"},
		{settings.Domain: "b.example", "proxy.nothing": "x"},
		{settings.Domain: "b.example", "proxy.nothing": ""},
	} {
		if err := s.Set(bad); err == nil {
			t.Errorf("Set(%v) succeeded", bad)
		}
	}
	after, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(before), string(after)); diff != "" {
		t.Errorf("the file changed:\n%s", diff)
	}
	if got := get(t, s, settings.Domain); got != "a.example" {
		t.Errorf("%s = %q, want a.example", settings.Domain, got)
	}
}

func TestIsSet(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "settings.yaml")
	s := open(t, path)
	set(t, s, map[string]string{settings.RegistryListen: "[::]:5000", settings.RegistryDomain: ""})
	for _, s := range []*settings.Settings{s, open(t, path)} {
		for key, want := range map[string]bool{settings.RegistryListen: true, settings.RegistryDomain: false, settings.HTTPPort: false, "no.such": false} {
			if got := s.IsSet(key); got != want {
				t.Errorf("IsSet(%q) = %v, want %v", key, got, want)
			}
		}
	}
}

func TestListHidesThePasswordOfTheRegistry(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "settings.yaml"))
	set(t, s, map[string]string{settings.RegistryPassword: secret, settings.RegistryUsername: "juju"})
	got := map[string]string{}
	for _, e := range s.List() {
		got[e.Name] = e.Value
	}
	if got[settings.RegistryPassword] != settings.Redacted || got[settings.RegistryUsername] != "juju" {
		t.Errorf("List shows %q and %q, want %q and the user name", got[settings.RegistryPassword], got[settings.RegistryUsername], settings.Redacted)
	}
}

func TestConcurrentSet(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "settings.yaml")
	values := map[string]func(i int) string{
		settings.Domain:             func(i int) string { return fmt.Sprintf("host%d.example", i) },
		settings.HTTPPort:           func(i int) string { return fmt.Sprint(1000 + i) },
		settings.IPAddress:          func(i int) string { return fmt.Sprintf("10.0.0.%d", i) },
		settings.DBConnection:       func(i int) string { return fmt.Sprintf("postgres://h%d/db", i) },
		settings.DBServerConnection: func(i int) string { return fmt.Sprintf("host=h%d", i) },
	}
	var wg sync.WaitGroup
	for key, value := range values {
		wg.Go(func() {
			for i := range 20 {
				// The file is opened anew each time, as by each config command.
				s, err := settings.Open(path)
				if err == nil {
					err = s.Set(map[string]string{key: value(i)})
				}
				if err != nil {
					t.Errorf("set %s: %v", key, err)
					return
				}
				if s, err = settings.Open(path); err != nil {
					t.Errorf("open: %v", err)
				} else if got, _ := s.Get(key); got != value(i) {
					t.Errorf("%s = %q, want %q: an update is lost", key, got, value(i))
				}
			}
		})
	}
	wg.Wait()
}

func TestUnknownKey(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "settings.yaml"))
	for name, want := range map[string]string{
		"proxy.domian":           settings.Domain,
		"domain":                 settings.Domain,
		"Proxy.Domain":           settings.Domain,
		"proxy.http.port":        settings.HTTPPort,
		"proxy.db":               settings.DBConnection,
		"proxy.db.conection":     settings.DBConnection,
		"proxy.ip-address":       settings.IPAddress,
		"":                       "",
		"something.else":         "",
		strings.Repeat("x", 1e6): "",
	} {
		_, err := s.Get(name)
		for what, err := range map[string]error{"Get": err, "Set": s.Set(map[string]string{name: "1"})} {
			var unknown *settings.UnknownKeyError
			if !errors.As(err, &unknown) {
				t.Errorf("%s(%.40q): %v, want an UnknownKeyError", what, name, err)
				continue
			}
			if unknown.Nearest != want {
				t.Errorf("%s(%.40q) suggests %q, want %q", what, name, unknown.Nearest, want)
			}
			if msg := err.Error(); len(msg) > 200 || (want != "" && !strings.Contains(msg, "did you mean "+want+"?")) {
				t.Errorf("%s(%.40q): %.300s", what, name, msg)
			}
		}
	}
}

func TestFileThatIsNotUnderstood(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ text, want string }{
		"unknown key":     {"proxy.domain: a.example\nproxy.domian: b\n", "line 2: unknown setting \"proxy.domian\"; did you mean proxy.domain?"},
		"bad value":       {"\n# port\nproxy.port.http: eighty\n", "line 3: proxy.port.http: not a port"},
		"set twice":       {"proxy.domain: a\nproxy.domain: b\n", "line 2: proxy.domain is set a second time"},
		"not YAML":        {"proxy.domain: a\n\t:\n", "line 2"},
		"list":            {"- proxy.domain\n", "line 1: not a list of lines"},
		"scalar":          {"proxy.domain\n", "line 1: not a list of lines"},
		"nested":          {"proxy.domain:\n  a: b\n", "line 1: not a line like"},
		"alias":           {"proxy.domain: &a x\nproxy.ipaddress: *a\n", "line 2: not a line like"},
		"tag":             {"proxy.domain: !!binary aGk=\n", "line 1: proxy.domain: not a plain value"},
		"two documents":   {"proxy.domain: a\n---\nproxy.domain: b\n", "more than one YAML document"},
		"trailing text":   {"{proxy.domain: a}\nb\n", "settings.yaml"},
		"merge":           {"<<: {proxy.domain: a}\n", "line 1"},
		"too large":       {strings.Repeat("# comment\n", 200000), "larger than"},
		"secret, damaged": {"proxy.db.connection: postgres://u:hunter2@h:x/db\n", "line 1: proxy.db.connection: not a URL"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "settings.yaml")
			if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := settings.Open(path)
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "settings.yaml") {
				t.Fatalf("Open: %v, want an error with %q", err, test.want)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("Open gives the password away: %v", err)
			}
		})
	}
}

func TestFileByHand(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                      "80",
		"# nothing\n":           "80",
		"---\n":                 "80",
		"{}":                    "80",
		"proxy.port.http:\n":    "80",
		"proxy.port.http: ''\n": "80",
		"proxy.port.http: 8080": "8080",
		"# our store\n'proxy.port.http': \"8080\" # for now\n":       "8080",
		"proxy.domain: store.example\r\nproxy.port.http: '8080'\r\n": "8080",
	} {
		path := filepath.Join(t.TempDir(), "settings.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := get(t, open(t, path), settings.HTTPPort); got != want {
			t.Errorf("%s in %q = %q, want %q", settings.HTTPPort, text, got, want)
		}
	}
}

func TestFolderMissing(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "no", "settings.yaml"))
	if err := s.Set(map[string]string{settings.Domain: "a"}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Set without a folder: %v, want ErrNotExist", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("proxy.domain: store.example:8080\nproxy.db.connection: host=a password='b c'\n")
	f.Add("proxy.port.http: 80\n# x\nproxy.ipaddress: '[::]'\n")
	f.Add("proxy.db.connection: \"postgres://u:p%20@h/db?sslmode=disable\"\n")
	f.Add("a: &a [*a, *a]\n---\n")
	f.Fuzz(func(t *testing.T, text string) {
		values, err := settings.Parse([]byte(text))
		if err != nil {
			return
		}
		again, err := settings.Encode(values)
		if err != nil {
			t.Fatalf("Encode(%q): %v", values, err)
		}
		got, err := settings.Parse(again)
		if err != nil {
			t.Fatalf("Parse(%q), which Encode made: %v", again, err)
		}
		if diff := cmp.Diff(values, got); diff != "" {
			t.Errorf("Parse, Encode, Parse is not Parse:\n%s", diff)
		}
	})
}
