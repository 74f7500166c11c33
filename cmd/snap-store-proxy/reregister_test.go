//go:build linux

package main_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"offlinestore/assertion"
	"offlinestore/cmd/internal/cli"
	"offlinestore/internal/assertiontest"
)

// unregisteredStore is a store without a database that trusts the test root.
type unregisteredStore struct {
	t     *testing.T
	dir   string
	stack *assertiontest.Stack
}

func newUnregistered(t *testing.T) *unregisteredStore {
	t.Helper()
	u := &unregisteredStore{t, tempDir(t), assertiontest.NewStack(t)}
	if err := os.Mkdir(filepath.Join(u.dir, "data"), 0o755); err != nil {
		t.Fatal(err)
	}
	u.must("trust", "root", "add", u.file("root.assert", u.stack.RootStream()))
	return u
}

func (u *unregisteredStore) file(name string, text []byte) string {
	u.t.Helper()
	path := filepath.Join(u.dir, name)
	if err := os.WriteFile(path, text, 0o644); err != nil {
		u.t.Fatal(err)
	}
	return path
}

// stream returns the store assertion for a URL with its prerequisites.
func (u *unregisteredStore) stream(id, url string) []byte {
	u.t.Helper()
	var b bytes.Buffer
	all := append(u.stack.Base(), u.stack.Account("operator1", "The operator", nil), u.stack.Store(id, "operator1", url, nil))
	if err := assertion.EncodeAll(&b, all); err != nil {
		u.t.Fatal(err)
	}
	return b.Bytes()
}

func (u *unregisteredStore) run(args ...string) (stdout, stderr string, code int) {
	u.t.Helper()
	cmd := exec.Command("snap-store-proxy", append([]string{"--data-dir", filepath.Join(u.dir, "data")}, args...)...)
	var out, problems strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &problems
	var exit *exec.ExitError
	if err := cmd.Run(); errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		u.t.Fatal(err)
	}
	return out.String(), problems.String(), code
}

func (u *unregisteredStore) must(args ...string) (stdout, stderr string) {
	u.t.Helper()
	stdout, stderr, code := u.run(args...)
	if code != 0 {
		u.t.Fatalf("%s: exit code %d: %s", args, code, stderr)
	}
	return stdout, stderr
}

// state returns the answer to devices, and the settings that serve uses.
func (u *unregisteredStore) state() string {
	u.t.Helper()
	yaml, _ := u.must("config", "--export-yaml")
	text, err := os.ReadFile(filepath.Join(u.dir, "data", "store.assert"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		u.t.Fatal(err)
	}
	return yaml + string(text)
}

func TestReregister(t *testing.T) {
	t.Parallel()
	u := newUnregistered(t)
	first := u.stream("store1", "https://old.example.internal:8443")
	out, told := u.must("config", "--import-store-assertion", u.file("old.assert", first))
	if want := "This store is store1 at https://old.example.internal:8443, registered by operator1 on 2024-02-03.\n"; out != want {
		t.Errorf("config --import-store-assertion printed %q, want %q", out, want)
	}
	if !strings.Contains(told, "proxy.store=store1") || !strings.Contains(told, "Devices join it by:") {
		t.Errorf("devices are told %q", told)
	}
	for key, want := range map[string]string{"internal.store.id": "store1", "internal.store.url": "https://old.example.internal:8443", "proxy.domain": "old.example.internal:8443"} {
		if got, _ := u.must("config", key); got != want+"\n" {
			t.Errorf("%s = %q, want %q", key, got, want)
		}
	}
	info, err := os.Stat(filepath.Join(u.dir, "data", "store.assert"))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o644 {
		t.Errorf("store.assert has mode %v: it is no secret, and others may have to read it", info.Mode())
	}
	u.must("config", "proxy.domain=new.example.internal")
	fields := map[string]string{"domain": "new.example.internal", "private_key": "the-store-key", "public_key": "p", "store_id": "store2", "store_assertion": string(u.stream("store2", "https://new.example.internal"))}
	text, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	bundle := u.file("bundle.b64", []byte(base64.StdEncoding.EncodeToString(text)))
	out, told = u.must("reregister", "--registration-bundle", bundle, "--json")
	var got struct {
		StoreID  string `json:"store-id"`
		Replaced string `json:"replaced"`
		URL      string `json:"url"`
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil || got.StoreID != "store2" || got.Replaced != "store1" || got.URL != "https://new.example.internal" {
		t.Errorf("reregister --json = %s (%v)", out, err)
	}
	if strings.Contains(out+told, "the-store-key") {
		t.Error("the store's key is shown")
	}
	if key, _ := u.must("config", "proxy.key.private", "--show-secret"); key != "the-store-key\n" {
		t.Errorf("proxy.key.private = %q", key)
	}
	_, told = u.must("reregister", "--registration-bundle", bundle)
	if !strings.Contains(told, "acknowledge the assertion again") || strings.Contains(told, "proxy.store=") {
		t.Errorf("after the same again, devices are told %q", told)
	}
}

// TestRefusedRegistrations checks that a refused registration leaves the store unchanged.
func TestRefusedRegistrations(t *testing.T) {
	t.Parallel()
	u := newUnregistered(t)
	u.must("config", "--import-store-assertion", u.file("old.assert", u.stream("store1", "https://old.example.internal")))
	third := u.file("third.assert", u.stream("store1", "https://third.example.internal"))
	for _, args := range [][]string{{"reregister", "--store-assertion", third}, {"config", "--import-store-assertion", third}} {
		if _, told, code := u.run(args...); code != cli.Untrusted || !strings.Contains(told, "proxy.domain is old.example.internal") {
			t.Errorf("%s, for another name than the one that is: exit code %d, %q", args[0], code, told)
		}
	}
	u.must("config", "proxy.domain=new.example.internal")
	before := u.state()
	strange := append(u.stack.NewAccount("stranger", "other").Assertions(), u.stack.Store("store1", "operator2", "https://new.example.internal", nil))
	var missing bytes.Buffer
	if err := assertion.EncodeAll(&missing, strange); err != nil {
		t.Fatal(err)
	}
	good := u.stream("store1", "https://new.example.internal")
	for _, c := range []struct {
		what string
		args []string
		code int
		want string
	}{
		{"another name than the one set", []string{"reregister", "--store-assertion", third}, cli.Untrusted, "config proxy.domain=third.example.internal"},
		{"the old name", []string{"config", "--import-store-assertion", filepath.Join(u.dir, "old.assert")}, cli.Untrusted, "proxy.domain is new.example.internal"},
		{"altered", []string{"reregister", "--store-assertion", u.file("altered.assert", bytes.Replace(good, []byte("store: store1"), []byte("store: store9"), 1))}, cli.Untrusted, "bad signature"},
		{"without its account", []string{"reregister", "--store-assertion", u.file("missing.assert", missing.Bytes())}, cli.Untrusted, "hint: the file must contain the prerequisites"},
		{"no assertions", []string{"reregister", "--store-assertion", u.file("text", []byte("hello"))}, cli.Damaged, "hint: bring the file again"},
		{"no bundle", []string{"reregister", "--registration-bundle", u.file("good.assert", good)}, cli.Damaged, "not base64"},
		{"no archive", []string{"reregister", "--from-archive", filepath.Join(u.dir, "good.assert")}, cli.Damaged, "archive"},
		{"no file", []string{"reregister", "--from-archive", filepath.Join(u.dir, "nosuch")}, cli.Failed, "nosuch"},
		{"no source", []string{"reregister"}, cli.Usage, "store-assertion"},
		{"two sources", []string{"reregister", "--store-assertion", "a", "--registration-bundle", "b"}, cli.Usage, "store-assertion"},
		{"with settings", []string{"config", "--import-store-assertion", "a", "proxy.port.http=80"}, cli.Usage, "without arguments"},
	} {
		if _, told, code := u.run(c.args...); code != c.code || !strings.Contains(told, c.want) {
			t.Errorf("%s: exit code %d, %q; want %d and %q", c.what, code, told, c.code, c.want)
		}
	}
	if after := u.state(); after != before {
		t.Errorf("the store is another one now:\n%s\nwant\n%s", after, before)
	}
	u.must("reregister", "--store-assertion", filepath.Join(u.dir, "good.assert"))
}

// TestServeReregistered checks that a server loads an assertion that was issued anew for the same store and URL, although
// no setting changed. The header names the store of the assertion, even if the settings could not follow.
func TestServeReregistered(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	u := &unregisteredStore{t, s.tmp, assertiontest.NewStack(t)}
	ca := s.mustRun("import-certificate", "--selfsigned", "--name", "127.0.0.1").stdout
	s.mustRun("config", "--import-store-assertion", u.file("a", u.stream("store1", "https://a.example")))
	run := s.serveTLS()
	defer run.stop()
	url := run.tls + "/v2/auth/store/assertions"
	await(t, trusting(ca), url, "store: store1")
	var again bytes.Buffer
	issued := u.stack.Store("store1", "operator1", "https://a.example", assertiontest.Headers{"timestamp": "2024-06-01T00:00:00Z"})
	if err := assertion.EncodeAll(&again, append(u.stack.Base(), u.stack.Account("operator1", "The operator", nil), issued)); err != nil {
		t.Fatal(err)
	}
	s.mustRun("reregister", "--store-assertion", u.file("b", again.Bytes()))
	await(t, trusting(ca), url, "2024-06-01")
	if err := os.WriteFile(filepath.Join(s.dir, "store.assert"), u.stream("store2", "https://a.example"), 0o644); err != nil {
		t.Fatal(err)
	}
	await(t, trusting(ca), url, "store: store2")
	resp, err := trusting(ca).Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got, want := resp.Header.Get("X-Assertion-Store-Id"), "store2"; got != want {
		t.Errorf("the header names %q, want %q", got, want)
	}
}
