package instance_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"offlinestore/audit"
	"offlinestore/bundle"
	"offlinestore/catalog"
	"offlinestore/instance"
	"offlinestore/instance/settings"
	"offlinestore/internal/pgtest"
)

// openTrail returns a data folder, and a database with an audit trail.
func openTrail(t *testing.T) (instance.Dir, catalog.Trail) {
	t.Helper()
	db, err := catalog.Open(t.Context(), pgtest.New(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return instance.Dir(t.TempDir()), db.Trail()
}

// rowsOf takes the waiting acts, and returns the trail as text.
func rowsOf(t *testing.T, d instance.Dir, trail catalog.Trail) (list []string) {
	t.Helper()
	if err := d.TakeWaiting(t.Context(), trail); err != nil {
		t.Fatal(err)
	}
	err := trail.Read(t.Context(), 0, math.MaxInt64, catalog.Visitor{Row: func(e audit.Entry) error {
		row, err := e.Decode()
		if err == nil {
			list = append(list, fmt.Sprintf("%s %s: %s -> %s", row.What, row.Subject, row.Before, row.After))
		}
		return err
	}})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func requireRows(t *testing.T, got []string, want ...string) {
	t.Helper()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("rows:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func set(t *testing.T, d instance.Dir, changes map[string]string) error {
	t.Helper()
	s, err := d.Settings()
	if err != nil {
		t.Fatal(err)
	}
	return s.Set(changes)
}

// TestSettingsAreRecorded keeps secrets out of the trail, and unchanged settings, too.
func TestSettingsAreRecorded(t *testing.T) {
	t.Parallel()
	d, trail := openTrail(t)
	for _, c := range []map[string]string{
		{settings.Domain: "a.example.internal", settings.AuthSecret: "hunter2"},
		{settings.Domain: "a.example.internal"},
		{settings.AuthSecret: "hunter3", settings.DBConnection: "postgresql://u:hunter4@db.example.internal/store"},
		{settings.Domain: ""},
	} {
		if err := set(t, d, c); err != nil {
			t.Fatal(err)
		}
	}
	if err := set(t, d, map[string]string{"proxy.nothing": "1"}); err == nil {
		t.Error("set an unknown setting")
	}
	got := rowsOf(t, d, trail)
	requireRows(t, got,
		`config proxy.auth.secret, proxy.domain:  -> {"proxy.auth.secret":"<redacted>","proxy.domain":"a.example.internal"}`,
		`config proxy.auth.secret, proxy.db.connection: {"proxy.auth.secret":"<redacted>"} -> {"proxy.auth.secret":"<redacted>","proxy.db.connection":"postgresql://u:<redacted>@db.example.internal/store"}`,
		`config proxy.domain: {"proxy.domain":"a.example.internal"} -> `)
	text, _ := os.ReadFile(filepath.Join(string(d), "audit.waiting"))
	if all := strings.Join(got, "") + string(text); strings.Contains(all, "hunter") {
		t.Errorf("a secret is in the trail: %s", all)
	}
	requireRows(t, rowsOf(t, d, trail), got...)
}

func TestTrustIsRecorded(t *testing.T) {
	t.Parallel()
	d, trail := openTrail(t)
	key, err := audit.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	k, err := bundle.ParsePublicKey(key.Public().PEM())
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time, it is there
		if err := d.Trust().AddSigner(k); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := d.Trust().RemoveSigner("sha256:00000000"); err == nil {
		t.Error("removed an unknown key")
	}
	if _, err := d.Trust().RemoveSigner(k.ID()); err != nil {
		t.Fatal(err)
	}
	requireRows(t, rowsOf(t, d, trail), `trust-add `+k.ID()+`:  -> {"algorithm":"Ed25519"}`, `trust-remove `+k.ID()+`:  -> `)
}

// TestKilledChange takes acts of processes that were killed between their lines, and of changes that failed.
func TestKilledChange(t *testing.T) {
	t.Parallel()
	d, trail := openTrail(t)
	line := func(id, state, subject string) string {
		text, err := json.Marshal(map[string]string{"id": id, "state": state, "at": "2026-11-29T19:00:00.000000Z", "who": "ana", "from": "this host", "what": "config", "subject": subject})
		if err != nil {
			t.Fatal(err)
		}
		return string(text) + "\n"
	}
	text := line("1", "begun", "killed") + line("2", "begun", "done") + line("2", "done", "done") + line("3", "begun", "failed") + line("3", "failed", "failed") +
		"garbage\n" + line("4", "begun", "half")[:40]
	if err := os.WriteFile(filepath.Join(string(d), "audit.waiting"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	requireRows(t, rowsOf(t, d, trail),
		`config killed:  -> {"interrupted":true,"planned":null}`, `config done:  -> `, `lose-acts audit.waiting: {"damaged-lines":1} -> `)
	// The process was killed after the database had the acts, and before the file was removed.
	if err := os.WriteFile(filepath.Join(string(d), "audit.waiting"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := rowsOf(t, d, trail); len(got) != 3 {
		t.Errorf("the acts were taken twice: %q", got)
	}
	// The next act follows the half line.
	if err := os.WriteFile(filepath.Join(string(d), "audit.waiting"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := set(t, d, map[string]string{settings.Domain: "b.example.internal"}); err != nil {
		t.Fatal(err)
	}
	if got := rowsOf(t, d, trail); len(got) != 4 {
		t.Errorf("after the next change: %q", got)
	}
}

// TestNoActIsLost changes settings while others take the acts.
func TestNoActIsLost(t *testing.T) {
	t.Parallel()
	d, trail := openTrail(t)
	var g errgroup.Group
	const writers, each = 4, 10
	for w := range writers {
		g.Go(func() error {
			for i := range each {
				if err := set(t, d, map[string]string{settings.Domain: fmt.Sprintf("h%d-%d.example.internal", w, i)}); err != nil {
					return err
				}
				if err := d.TakeWaiting(t.Context(), trail); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	if got := rowsOf(t, d, trail); len(got) != writers*each {
		t.Errorf("%d rows, want %d", len(got), writers*each)
	}
}

func TestManyWaiting(t *testing.T) {
	t.Parallel()
	d, trail := openTrail(t)
	if err := os.WriteFile(filepath.Join(string(d), "audit.waiting"), make([]byte, 2<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := set(t, d, map[string]string{settings.Domain: "a.example.internal"}); !errors.Is(err, instance.ErrManyWaiting) {
		t.Errorf("a change with a full file: %v", err)
	}
	if s, err := d.Settings(); err != nil || s.IsSet(settings.Domain) {
		t.Errorf("it was made all the same, %v", err)
	}
	rowsOf(t, d, trail)
	if err := set(t, d, map[string]string{settings.Domain: "a.example.internal"}); err != nil {
		t.Error(err)
	}
}

// TestSeal signs a trail that has rows, once.
func TestSeal(t *testing.T) {
	t.Parallel()
	d, trail := openTrail(t)
	if err := d.Seal(t.Context(), trail); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(string(d), "audit.key")); err == nil {
		t.Error("an empty trail has a key")
	}
	for range 2 {
		if err := set(t, d, map[string]string{settings.Domain: "a.example.internal"}); err != nil {
			t.Fatal(err)
		}
		if err := d.Seal(t.Context(), trail); err != nil {
			t.Fatal(err)
		}
	}
	head, err := trail.NewestHead(t.Context())
	if err != nil || head.Number != 2 {
		t.Fatalf("newest head %+v, %v", head, err)
	}
	info, err := os.Stat(filepath.Join(string(d), "audit.key"))
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("the private key: %v, %v", info, err)
	}
	got := rowsOf(t, d, trail)
	if len(got) != 2 || got[1] != "make-audit-key "+head.Key+":  -> " {
		t.Errorf("rows %q, want the key %s", got, head.Key)
	}
	// A lost key is not replaced by the way.
	if err := os.Remove(filepath.Join(string(d), "audit.key")); err != nil {
		t.Fatal(err)
	}
	var missing *instance.NoAuditKeyError
	if err := d.Seal(t.Context(), trail); !errors.As(err, &missing) || missing.Key != head.Key {
		t.Errorf("without the key: %v", err)
	}
}
