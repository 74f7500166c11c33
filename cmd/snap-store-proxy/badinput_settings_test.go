//go:build linux

package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"offlinestore/cmd/internal/cli"
	"offlinestore/internal/bundletest"
	"offlinestore/internal/doctest"
	"offlinestore/internal/pgtest"
)

// badSetting is a row of the table of bad settings. It holds a command for a store with good settings, and the result of
// the command.
type badSetting struct {
	row   string
	code  int
	stdin string
	args  []string
	// says is a part of the error message.
	says string
	// spoil makes the settings or the database bad beforehand, unless it is nil.
	spoil func(s *site)
}

func badSettings() []badSetting {
	config := func(args ...string) []string { return append([]string{"config"}, args...) }
	return []badSetting{
		{row: "unknown setting", code: cli.Usage, args: config("proxy.domain=b.example", "proxy.domian=b"), says: "did you mean proxy.domain?"},
		{row: "value of another type, or out of range", code: cli.Usage, args: config("proxy.domain=b.example", "proxy.port.http=65536"), says: "proxy.port.http: not a port"},
		{row: "secret of more than one line", code: cli.Usage, stdin: "hunter2\nmore\n", args: config("proxy.domain=b.example", "proxy.auth.secret=-"), says: "want one line"},
		{row: "YAML with an unknown setting", code: cli.Usage, stdin: "proxy.domain: b.example\nproxy.domian: b\n", args: config("--import-yaml"), says: "line 2"},
		{row: "YAML with a value of another type", code: cli.Usage, stdin: "proxy.domain: b.example\nproxy.port.http: [80]\n", args: config("--import-yaml"), says: "line 2"},
		{row: "YAML that was cut off", code: cli.Usage, stdin: "proxy.domain: b.example\nproxy.auth.secret: \"hunter2", args: config("--import-yaml"), says: "read YAML"},
		{row: "YAML bomb", code: cli.Usage, stdin: bombOfAliases(), args: config("--import-yaml"), says: "too many values"},
		{row: "YAML that is too large", code: cli.Usage, stdin: strings.Repeat("# hunter2\n", 1<<18), args: config("--import-yaml"), says: "larger than"},
		{row: "`settings.yaml` that was cut off", code: cli.Failed, args: config("proxy.domain=b.example"), says: "read settings.yaml", spoil: func(s *site) {
			s.appendSettings("proxy.auth.secret: \"hunter2")
		}},
		{row: "`settings.yaml` with an unknown setting", code: cli.Usage, args: config("proxy.domain=b.example"), says: "read settings.yaml: line", spoil: func(s *site) {
			s.appendSettings("proxy.domian: b\n")
		}},
		{row: "database that can't be reached", code: cli.Database, args: []string{"enable-airgap-mode"}, says: "the database is not available", spoil: func(s *site) {
			s.useDatabase("postgres://store:hunter2@127.0.0.1:1/store?connect_timeout=5")
		}},
		{row: "database of another PostgreSQL server than `target_session_attrs` wants", code: cli.Database, args: []string{"enable-airgap-mode"}, says: "the database is not available", spoil: func(s *site) {
			s.useDatabase(s.dsn + "&target_session_attrs=read-only")
		}},
		{row: "database of a newer version", code: cli.Database, args: []string{"enable-airgap-mode"}, says: "the tables are a newer snap-store-proxy's", spoil: func(s *site) {
			s.exec("update public.schema_version set version = 999")
			s.exec("update public.compatibility set least = 999")
			s.useDatabase(s.dsn)
		}},
	}
}

// bombOfAliases returns nine names for ever longer lists. The program ignores the first eight names and their values.
func bombOfAliases() string {
	text := "proxy.storage.backend: &a0 [x, x, x, x, x, x, x, x, x]\n"
	for i, part := range []string{"http", "snapident", "snaprevs", "snapauth", "packagereview", "snapmodels", "publishergw", "snapstorage"} {
		if i > 0 {
			text += fmt.Sprintf("proxy.port.%s: &a%d [%s*a%d]\n", part, i, strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 8), i-1)
		}
	}
	return text + "proxy.domain: *a7\n"
}

func TestBadSettings(t *testing.T) {
	t.Parallel()
	for _, c := range badSettings() {
		t.Run(c.row, func(t *testing.T) {
			t.Parallel()
			dir := tempDir(t)
			s := &site{t: t, dir: filepath.Join(dir, "data"), tmp: dir}
			if c.code == cli.Database {
				s.dsn = pgtest.NewFrom(t, bundletest.Migrate)
			}
			s.mustRun("config", "proxy.domain=a.example")
			if c.spoil != nil {
				c.spoil(s)
			}
			before := s.settings()
			r := s.runWith(strings.NewReader(c.stdin), c.args...)
			if r.code != c.code {
				t.Errorf("exit code %d, want %d: %s", r.code, c.code, r.stderr)
			}
			if !strings.Contains(r.stderr, c.says) || strings.Contains(r.stderr, "hunter2") {
				t.Errorf("stderr %q, want %q in it, and no secret", r.stderr, c.says)
			}
			if c.code != cli.Failed && !strings.Contains(r.stderr, "hint: ") {
				t.Errorf("stderr %q does not say what to do", r.stderr)
			}
			if after := s.settings(); after != before {
				t.Errorf("the settings became %q, were %q", after, before)
			}
		})
	}
}

func (s *site) settings() string {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(s.dir, "settings.yaml"))
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text)
}

func (s *site) appendSettings(text string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, "settings.yaml"), []byte(s.settings()+text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) exec(statement string) {
	s.t.Helper()
	conn, err := pgx.Connect(s.t.Context(), s.dsn)
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close(s.t.Context())
	if _, err := conn.Exec(s.t.Context(), statement); err != nil {
		s.t.Fatal(err)
	}
}

// TestTableOfBadSettings compares the table of docs/errors.md with the tests: the same rows, the same exit codes.
func TestTableOfBadSettings(t *testing.T) {
	t.Parallel()
	want := map[string]string{}
	for _, c := range badSettings() {
		want[c.row] = fmt.Sprint(c.code)
	}
	if diff := cmp.Diff(doctest.BadInput(t, "Bad settings"), want); diff != "" {
		t.Errorf("the table of bad settings (-docs/errors.md +tests):\n%s", diff)
	}
}
