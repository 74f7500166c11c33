//go:build linux

package main_test

import (
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"offlinestore/bundle"
	"offlinestore/cmd/internal/cli"
	"offlinestore/internal/pgtest"
)

// databaseCommands are the commands that use the database, in an order in which each of them has something to do, with their exit codes.
// FILE is a bundle, FOLDER a new folder, PASSPHRASE a file.
var databaseCommands = []struct {
	line string
	code int
}{
	{"push-snap FILE", cli.OK}, {"push-snap --plan FILE", cli.OK}, {"push-charms FILE", cli.OK}, {"push-charm-bundle FILE", cli.OK},
	{"push-account-keys FILE", cli.OK}, {"push-validation-sets FILE", cli.OK},
	{"status", cli.OK}, {"list-pushed-snaps", cli.OK}, {"list-pushed-charms", cli.OK}, {"history", cli.OK}, {"show first", cli.OK},
	{"why first", cli.OK}, {"wanted", cli.OK}, {"check", cli.Gaps}, {"check --blobs", cli.OK}, {"check-connections", cli.Failed},
	{"override first stable=1", cli.OK}, {"list-overrides first", cli.OK}, {"delete-override first stable", cli.OK},
	{"add-admin --token a@example.com", cli.OK}, {"list-admins", cli.OK}, {"remove-admin a@example.com", cli.OK},
	{"push-images --dry-run --to none.example", cli.OK}, {"migrate", cli.OK}, {"backup --passphrase-file PASSPHRASE FOLDER", cli.OK},
	{"prune --keep 1", cli.OK}, {"remove-bundle none", cli.Gaps}, {"remove-charm none", cli.Gaps},
	{"remove-snap --yes --force third", cli.OK}, {"gc", cli.OK}, {"enable-airgap-mode", cli.OK},
	{"audit list", cli.OK}, {"audit verify", cli.OK}, {"audit export", cli.OK}, {"audit key", cli.OK},
}

// documentedConnections returns the connections in the documentation and the help.
func documentedConnections(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(files) == 0 {
		t.Fatalf("find the documentation: %v", err)
	}
	sources, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	sources = slices.DeleteFunc(sources, func(name string) bool { return strings.HasSuffix(name, "_test.go") })
	connection := regexp.MustCompile("postgres(?:ql)?://[a-zA-Z][^\\s'\"`\\\\]*|`host=[^`]*`|`[a-z_]+=[a-z-]+`(?: into the connection)| `target_session_attrs=[a-z-]+`")
	found := map[string]bool{}
	for _, name := range append(files, sources...) {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range connection.FindAllString(string(text), -1) {
			c, _, _ = strings.Cut(strings.TrimSpace(c), " into")
			found[strings.Trim(c, "`")] = true
		}
	}
	var list []string
	for c := range found {
		list = append(list, c)
	}
	slices.Sort(list)
	return list
}

// TestDocumentedConnections runs each command that uses the database with each form of a connection that the documentation shows.
func TestDocumentedConnections(t *testing.T) {
	t.Parallel()
	documented := documentedConnections(t)
	for _, want := range []string{"host=… user=…", "sslmode=verify-full", "target_session_attrs=read-write"} {
		if !slices.ContainsFunc(documented, func(c string) bool { return strings.Contains(c, want) }) {
			t.Errorf("the documentation does not show %q: %q", want, documented)
		}
	}
	for i, form := range documented {
		t.Run(strings.ReplaceAll(form, "/", "_"), func(t *testing.T) {
			t.Parallel()
			if testing.Short() && i%10 > 0 {
				t.Skip("runs each command; CI runs it")
			}
			s := newSite(t)
			s.useDatabase(connectionLike(t, form, s.dsn))
			s.runAll()
			s.serve().stop(t, 10*time.Second)
			restored := &site{t: t, dir: filepath.Join(tempDir(t), "data"), tmp: s.tmp}
			to := s.file("connection", []byte(connectionLike(t, form, pgtest.New(t))))
			restored.mustRun("restore", "--yes", "--passphrase-file", filepath.Join(s.tmp, "passphrase"), "--db-connection-file", to, filepath.Join(s.tmp, "backup"))
			restored.mustRun("why", "first")
		})
	}
}

// runAll runs all commands that use the database.
func (s *site) runAll() {
	s.t.Helper()
	words := strings.NewReplacer(
		"FILE", s.file("update.tar", mixedUpdate(s.t, 0, 500).Tar(bundle.None)),
		"PASSPHRASE", s.file("passphrase", []byte("long enough for a passphrase")),
		"FOLDER", filepath.Join(s.tmp, "backup"))
	for _, c := range databaseCommands {
		if r := s.run(strings.Fields(words.Replace(c.line))...); r.code != c.code {
			s.t.Errorf("%s: exit code %d, want %d: %s%s", c.line, r.code, c.code, r.stdout, r.stderr)
		}
	}
}

// connectionLike returns a connection to a test's database in the form of a documented one.
func connectionLike(t *testing.T, form, dsn string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(nil)
	srv.StartTLS() // for its certificate
	srv.Close()
	proxy := pgtest.NewTLSProxy(t, dsn, &tls.Config{Certificates: srv.TLS.Certificates})
	user, name := u.Query().Get("user"), strings.TrimPrefix(u.Path, "/")
	if query, ok := strings.CutPrefix(form, "sslmode="); ok {
		root := filepath.Join(tempDir(t), "root.pem")
		if err := os.WriteFile(root, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw}), 0o644); err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("postgresql://%s@127.0.0.1:%s/%s?sslmode=%s&sslrootcert=%s", user, proxy.Port(), name, query, url.QueryEscape(root))
	}
	if strings.HasPrefix(form, "host=") {
		return fmt.Sprintf("host=127.0.0.1 port=%s user='%s' dbname=%s", proxy.Port(), user, name)
	}
	if !strings.Contains(form, "://") {
		return fmt.Sprintf("postgresql://%s@127.0.0.1:%s/%s?%s", user, proxy.Port(), name, form)
	}
	return regexp.MustCompile(`^(postgres(?:ql)?://)[^@]*@([^/]*)/[a-zA-Z]+`).ReplaceAllStringFunc(form, func(s string) string {
		scheme, rest, _ := strings.Cut(s, "://")
		_, hosts, _ := strings.Cut(rest, "@")
		hosts, _, _ = strings.Cut(hosts, "/")
		list := strings.Split(hosts, ",")
		for i := range list {
			list[i] = "127.0.0.1:" + proxy.Port()
		}
		return scheme + "://" + user + "@" + strings.Join(list, ",") + "/" + name
	})
}
