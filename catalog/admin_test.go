package catalog_test

import (
	"context"
	"errors"
	"net/url"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"offlinestore/catalog"
)

func TestAdmins(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	ctx := t.Context()
	put := func(a catalog.Admin) {
		t.Helper()
		if err := s.PutAdmin(ctx, a); err != nil {
			t.Fatal(err)
		}
	}
	put(catalog.Admin{Email: "jo@example.internal", Secret: "hash"})
	put(catalog.Admin{Email: "al@example.internal", Secret: "token", Once: true})
	list, err := s.Admins(ctx)
	if err != nil || len(list) != 2 || list[0].Email != "al@example.internal" || !list[0].Once || list[1].Secret != "hash" {
		t.Errorf("Admins = %+v, %v", list, err)
	}
	if _, err := s.Admin(ctx, "nobody\x00"); !errors.Is(err, catalog.ErrNoAdmin) {
		t.Errorf("Admin of nobody: %v", err)
	}
	// If two use a token at once, the second must fail.
	later := time.Now().Add(time.Hour)
	if err := s.StartSession(ctx, &list[0], "one", later); err != nil {
		t.Error(err)
	}
	if err := s.StartSession(ctx, &list[0], "two", later); !errors.Is(err, catalog.ErrNoAdmin) {
		t.Errorf("a token used twice: %v", err)
	}
	if l, err := s.Session(ctx, "one"); err != nil || l.Email != "al@example.internal" || l.Serial != 1 {
		t.Errorf("Session = %+v, %v", l, err)
	}
	if err := s.RefreshSession(ctx, "one", 1); err != nil {
		t.Error(err)
	}
	if err := s.RefreshSession(ctx, "one", 1); !errors.Is(err, catalog.ErrNoSession) {
		t.Errorf("a refresh that was there before: %v", err)
	}
	if _, err := s.Session(ctx, "one"); !errors.Is(err, catalog.ErrNoSession) {
		t.Errorf("the session afterwards: %v", err)
	}
	// An admin has at most 20 logins at once.
	for i := range 22 {
		if err := s.StartSession(ctx, &list[1], string(rune('a'+i)), later); err != nil {
			t.Fatal(err)
		}
	}
	_, first := s.Session(ctx, "a")
	if _, err := s.Session(ctx, "v"); err != nil || !errors.Is(first, catalog.ErrNoSession) {
		t.Errorf("of 22 sessions, the last: %v, the first: %v; want the first to have ended", err, first)
	}
	if err := s.RemoveAdmin(ctx, "jo@example.internal"); err != nil {
		t.Error(err)
	}
	if _, err := s.Session(ctx, "v"); !errors.Is(err, catalog.ErrNoSession) {
		t.Errorf("session of a removed admin: %v", err)
	}
	if err := s.RemoveAdmin(ctx, "jo@example.internal"); !errors.Is(err, catalog.ErrNoAdmin) {
		t.Errorf("RemoveAdmin twice: %v", err)
	}
}

// asRole returns a connection string to dsn for another role. The tests' cluster asks for no password.
func asRole(tb testing.TB, dsn, role string) string {
	tb.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		tb.Fatal(err)
	}
	q := u.Query()
	q.Set("user", role)
	u.RawQuery, u.User = q.Encode(), nil
	return u.String()
}

// TestAdminRole checks that the role of the administration can set overrides and log admins in, and nothing else; and that the
// role which serves devices can't read the admins.
func TestAdminRole(t *testing.T) {
	t.Parallel()
	s, dsn := open(t)
	name := databaseOf(t, dsn)
	adminRole, serverRole := name+"_admin", name+"_server"
	for range 2 { // each start does it again
		if err := s.CreateServerRole(t.Context(), serverRole); err != nil {
			t.Fatal(err)
		}
		if err := s.CreateAdminRole(t.Context(), adminRole, serverRole); err != nil {
			t.Fatal(err)
		}
	}
	// Each command that runs beside a server does it, too.
	if err := s.CreateServerRole(t.Context(), serverRole); err != nil {
		t.Fatal(err)
	}
	dropRole(t, dsn, pgx.Identifier{adminRole}.Sanitize())
	dropRole(t, dsn, pgx.Identifier{serverRole}.Sanitize())
	apply(t, s, with(imp("one", 0), "jq", []int{5, 6}, "latest/stable/amd64=6"))

	a, err := catalog.OpenAdmin(t.Context(), asRole(t, dsn, adminRole))
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	set(t, a, catalog.OverrideChange{Name: "jq", Channel: "stable", Revision: 5}, catalog.OverrideChange{Name: "jq", Channel: "stable"})
	ad := catalog.Admin{Email: "jo@example.internal", Secret: "hash"}
	if err := a.PutAdmin(t.Context(), ad); err != nil {
		t.Error(err)
	}
	if err := a.StartSession(t.Context(), &ad, "one", time.Now().Add(time.Hour)); err != nil {
		t.Error(err)
	}
	if _, err := a.Apply(t.Context(), with(imp("two", 1), "jq", []int{7}, "latest/stable/amd64=7")); !errors.Is(err, catalog.ErrRights) {
		t.Errorf("an import as the administration's role: %v, want ErrRights", err)
	}
	conn, err := pgx.Connect(t.Context(), asRole(t, dsn, serverRole))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	for _, table := range []string{"admin", "admin_session"} {
		if _, err := conn.Exec(t.Context(), "select * from "+table); err == nil {
			t.Errorf("the role that serves devices can read %s", table)
		}
	}
	if _, err := conn.Exec(t.Context(), "select * from snap_override"); err != nil {
		t.Error(err)
	}
}
