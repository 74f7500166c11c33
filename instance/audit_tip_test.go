package instance_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"offlinestore/audit"
	"offlinestore/catalog"
	"offlinestore/instance"
	"offlinestore/instance/settings"
	"offlinestore/internal/pgtest"
)

// seal changes a setting and signs the trail.
func seal(t *testing.T, d instance.Dir, trail catalog.Trail, domain string) {
	t.Helper()
	if err := set(t, d, map[string]string{settings.Domain: domain + ".example.internal"}); err != nil {
		t.Fatal(err)
	}
	if err := d.Seal(t.Context(), trail); err != nil {
		t.Fatal(err)
	}
}

// TestLossIsRecorded takes another database, as after it was set back, in which somebody has put an event with the name that the loss would
// have if it were known.
func TestLossIsRecorded(t *testing.T) {
	t.Parallel()
	d, former := openTrail(t)
	seal(t, d, former, "a")
	seal(t, d, former, "b")
	last := d.LastSigned()
	db, err := catalog.Open(t.Context(), pgtest.New(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	trail := db.Trail()
	if err := trail.Add(t.Context(), []audit.Event{{ID: "lost-" + last.Hash, Act: audit.Act{What: "config"}}}); err != nil {
		t.Fatal(err)
	}
	if d.LastSigned() != last {
		t.Error("the last row was forgotten")
	}
	for range 2 { // it is recorded once
		if err := d.Seal(t.Context(), trail); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	for _, row := range rowsOf(t, d, trail) {
		if strings.HasPrefix(row, audit.LoseRows) && strings.Contains(row, last.Hash) {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d rows tell of the loss: %q", n, rowsOf(t, d, trail))
	}
	if got := d.LastSigned(); got == last || got.Number == 0 {
		t.Errorf("the last row is %+v", got)
	}
}

// TestLossStaysKnown lets a database lose the row about the loss.
func TestLossStaysKnown(t *testing.T) {
	t.Parallel()
	d, former := openTrail(t)
	seal(t, d, former, "a")
	last := d.LastSigned()
	dsn := pgtest.New(t)
	db, err := catalog.Open(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	for _, q := range []string{
		`create function skip() returns trigger language plpgsql as 'begin return null; end'`,
		`create trigger skip before insert on audit for each row execute function skip()`,
	} {
		if _, err := conn.Exec(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Seal(t.Context(), db.Trail()); err == nil {
		t.Error("the loss is recorded")
	}
	if d.LastSigned() != last {
		t.Errorf("the last row is %+v, want %+v", d.LastSigned(), last)
	}
}

// TestTwoServers lets two data folders use one database.
func TestTwoServers(t *testing.T) {
	t.Parallel()
	d, trail := openTrail(t)
	other := instance.Dir(t.TempDir())
	seal(t, d, trail, "a")
	if err := set(t, other, map[string]string{settings.Domain: "a.example.internal"}); err != nil {
		t.Fatal(err)
	}
	var missing *instance.NoAuditKeyError
	if err := other.Seal(t.Context(), trail); !errors.As(err, &missing) || !strings.HasPrefix(missing.Key, "sha256:") {
		t.Errorf("without the key: %v", err)
	}
	if _, err := os.Stat(filepath.Join(string(other), "audit.key")); err == nil {
		t.Error("the other server has made a key")
	}
	if n := len(rowsOf(t, d, trail)); n != 3 {
		t.Errorf("%d rows", n)
	}
	key, err := os.ReadFile(filepath.Join(string(d), "audit.key"))
	if err == nil {
		err = os.WriteFile(filepath.Join(string(other), "audit.key"), key, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []instance.Dir{other, d, other, d} {
		if err := dir.Seal(t.Context(), trail); err != nil {
			t.Fatal(err)
		}
	}
	if d.LastSigned() != other.LastSigned() || d.LastSigned().Number != 3 {
		t.Errorf("signed %+v and %+v", d.LastSigned(), other.LastSigned())
	}
}
