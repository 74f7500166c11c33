package catalog_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"offlinestore/audit"
	"offlinestore/catalog"
)

// acts returns the newest n rows as text.
func acts(tb testing.TB, db *catalog.DB, n int) (list []string) {
	tb.Helper()
	rows := trailOf(tb, db.Trail())
	for _, r := range rows[max(0, len(rows)-n):] {
		list = append(list, fmt.Sprintf("%s %s %s %s: %s -> %s", r.Who, r.From, r.What, r.Subject, r.Before, r.After))
	}
	return list
}

func TestActsOfAdmins(t *testing.T) {
	t.Parallel()
	db, _ := open(t)
	ctx := audit.WithActor(t.Context(), audit.Actor{Who: "ana", From: audit.ThisHost})
	later := monday.Add(time.Hour)
	a := catalog.Admin{Email: "jo@example.internal", Secret: "hash-of-secret", Once: true, ExpiresAt: &later}
	b := catalog.Admin{Email: a.Email, Secret: "other"}
	for _, err := range []error{db.PutAdmin(ctx, a), db.StartSession(ctx, &a, "s", later), db.PutAdmin(ctx, b), db.RemoveAdmin(ctx, a.Email)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := db.RemoveAdmin(ctx, a.Email); err == nil {
		t.Error("removed an admin twice")
	}
	diff(t, "rows", acts(t, db, 10), []string{
		`ana this host add-admin jo@example.internal:  -> {"secret":"token","secret-expires":"2026-11-16T10:00:00.000000Z"}`,
		`ana this host log-in jo@example.internal:  -> `,
		`ana this host add-admin jo@example.internal: {"secret":"used token","secret-expires":"2026-11-16T10:00:00.000000Z"} -> {"secret":"password"}`,
		`ana this host remove-admin jo@example.internal: {"secret":"password"} -> `,
	})
}

func TestActsOfOverrides(t *testing.T) {
	t.Parallel()
	db, _ := open(t)
	apply(t, db, with(imp("a", 0), "jq", []int{6, 7}, "latest/stable/amd64=7"))
	ctx := audit.WithActor(t.Context(), audit.Actor{Who: "jo@example.internal", From: "10.0.0.7"})
	for _, revision := range []int{6, 7, 0} {
		if _, err := db.SetOverrides(ctx, "jo", []catalog.OverrideChange{{Name: "jq", Channel: "stable", Revision: revision}}); err != nil {
			t.Fatal(err)
		}
	}
	var want []string
	at := func(arch string, revision int) string {
		return fmt.Sprintf(`{"architecture":"%s","channel":"latest/stable","revision":%d}`, arch, revision)
	}
	const who = `jo@example.internal 10.0.0.7 `
	for _, arch := range []string{"amd64", "arm64"} { // the revisions run on both
		want = append(want,
			who+`override jq:  -> `+at(arch, 6),
			who+`override jq: `+at(arch, 6)+` -> `+at(arch, 7),
			who+`delete-override jq: `+at(arch, 7)+` -> `)
	}
	got := acts(t, db, 6)
	slices.Sort(got)
	slices.Sort(want)
	diff(t, "rows", got, want)
}
