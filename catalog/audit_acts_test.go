package catalog_test

import (
	"encoding/json"
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
		`ana this host add-admin jo@example.internal:  -> {"roles":["operator"],"secret":"token","secret-expires":"2026-11-16T10:00:00.000000Z"}`,
		`ana this host log-in jo@example.internal:  -> `,
		`ana this host add-admin jo@example.internal: {"roles":["operator"],"secret":"used token","secret-expires":"2026-11-16T10:00:00.000000Z"} -> {"roles":["operator"],"secret":"password"}`,
		`ana this host remove-admin jo@example.internal: {"roles":["operator"],"secret":"password"} -> `,
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

func TestActsOfImports(t *testing.T) {
	t.Parallel()
	db, dsn := open(t)
	ctx := audit.WithActor(t.Context(), audit.Actor{Who: "ana", From: audit.ThisHost})
	first := with(imp("a", 1), "jq", []int{6, 7}, "latest/stable/amd64=7")
	if _, _, err := db.PlanAll(ctx, []*catalog.Import{first}); err != nil {
		t.Fatal(err)
	}
	many := imp("b", 2)
	for i := range 150 {
		many = with(many, fmt.Sprintf("snap%03d", i), []int{1})
	}
	for range 2 { // the second time, nothing changes
		if out, err := db.ApplyAll(ctx, []*catalog.Import{first, many}); err != nil || out[0].Err != nil || out[1].Err != nil {
			t.Fatal(err, out)
		}
	}
	remove := &catalog.Removal{
		Reason: catalog.ReasonRemove, By: "ana",
		Choose: func(*catalog.Snapshot) ([]catalog.Item, error) {
			return []catalog.Item{{Kind: catalog.ItemSnap, Name: "jq", Whole: true}}, nil
		},
		Approve: func(_, _ *catalog.Snapshot, _ *catalog.Removed) error { return nil },
	}
	if _, err := db.Remove(ctx, remove); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time, nothing is left
		if err := db.ForgetBlobs(ctx); err != nil {
			t.Fatal(err)
		}
	}
	rows := trailOf(t, db.Trail())
	var got []string
	for _, r := range rows {
		got = append(got, r.Who+" "+r.What+" "+r.Subject)
	}
	diff(t, "acts", got, []string{"ana push a.tar.gz", "ana push b.tar.gz", "ana remove jq", "ana gc blobs"})
	var s struct {
		Import               int64
		Bundle, Signer       string
		Names                []string
		MoreNames            int `json:"more-names"`
		Revisions, Sequence  int
		Report               string `json:"report-sha256"`
		ChannelMoves, Forced int
	}
	if err := json.Unmarshal(rows[1].After, &s); err != nil {
		t.Fatal(err)
	}
	if len(s.Names) != 100 || s.MoreNames != 50 || s.Revisions != 150 || s.Bundle != many.Bundle.String() || s.Sequence != 2 {
		t.Errorf("the row of the second import: %.300s", rows[1].After)
	}
	var report string
	if err := connect(t, dsn).QueryRow(ctx, `select encode(sha256(convert_to(report::text, 'UTF8')), 'hex') from import where id = $1`, s.Import).Scan(&report); err != nil || report != s.Report {
		t.Errorf("report of import %d: %s, %v; the row has %s", s.Import, report, err, s.Report)
	}
}

// TestHistoryReadsTheTrail changes the history, and compares it with the trail.
func TestHistoryReadsTheTrail(t *testing.T) {
	t.Parallel()
	db, dsn := open(t)
	ctx := audit.WithActor(t.Context(), audit.Actor{Who: "ana", From: audit.ThisHost})
	for _, in := range []*catalog.Import{with(imp("a", 1), "jq", []int{6}), with(imp("b", 2), "yq", []int{1})} {
		if _, err := db.Apply(ctx, in); err != nil {
			t.Fatal(err)
		}
	}
	remove := &catalog.Removal{
		Reason: catalog.ReasonPrune, By: "somebody",
		Choose: func(*catalog.Snapshot) ([]catalog.Item, error) {
			return []catalog.Item{{Kind: catalog.ItemSnap, Name: "jq", Whole: true}}, nil
		},
		Approve: func(_, _ *catalog.Snapshot, _ *catalog.Removed) error { return nil },
	}
	if _, err := db.Remove(ctx, remove); err != nil {
		t.Fatal(err)
	}
	exec(t, dsn, `update import set imported_at = '2020-01-01'; update removal set removed_at = '2020-01-01'`)
	imports, err := db.History(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	removals, err := db.Removals(ctx)
	if err != nil {
		t.Fatal(err)
	}
	rows := trailOf(t, db.Trail())
	if len(imports) != 2 || !imports[0].ImportedAt.Equal(time.Time(rows[1].At)) || !imports[1].ImportedAt.Equal(time.Time(rows[0].At)) {
		t.Errorf("imports at %v, %v; the rows %v, %v", imports[0].ImportedAt, imports[1].ImportedAt, rows[1].At, rows[0].At)
	}
	if len(removals) != 1 || removals[0].RemovedBy != "ana" || !removals[0].RemovedAt.Equal(time.Time(rows[2].At)) {
		t.Errorf("removals %+v", removals)
	}
	contradictions := func() []catalog.Contradiction {
		t.Helper()
		list, err := db.Trail().Contradictions(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	if list := contradictions(); len(list) > 0 {
		t.Errorf("contradictions %v", list)
	}
	exec(t, dsn, `update import set report = '{}' where id = 2; delete from removal`)
	diff(t, "contradictions", contradictions(), []catalog.Contradiction{{Row: 2, Text: "import 2 of the history has another report"}, {Row: 3, Text: "the history lacks it"}})
}
