package catalog_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"offlinestore/audit"
	"offlinestore/catalog"
)

// auditKey returns a key for a test.
func auditKey(tb testing.TB) audit.Key {
	tb.Helper()
	k, err := audit.GenerateKey()
	if err != nil {
		tb.Fatal(err)
	}
	return k
}

// trailOf returns the rows of the audit trail.
func trailOf(tb testing.TB, t catalog.Trail) (list []*audit.Row) {
	tb.Helper()
	err := t.Read(tb.Context(), 0, math.MaxInt64, catalog.Visitor{Row: func(e audit.Entry) error {
		row, err := e.Decode()
		list = append(list, row)
		return err
	}})
	if err != nil {
		tb.Fatal(err)
	}
	return list
}

// verifyTrail verifies the rows and the heads of the audit trail.
func verifyTrail(tb testing.TB, t catalog.Trail, keys ...audit.PublicKey) *audit.Result {
	tb.Helper()
	v := audit.NewVerifier(keys...)
	err := t.Read(tb.Context(), 0, math.MaxInt64, catalog.Visitor{
		Row:  func(e audit.Entry) error { v.Row(e.Hash, e.Content); return nil },
		Head: func(h *audit.Head) error { v.Head(h.Content, h.Signature); return nil },
	})
	if err != nil {
		tb.Fatal(err)
	}
	return v.Finish()
}

func event(id, subject string) []audit.Event {
	return []audit.Event{{Actor: audit.Actor{Who: "ana", From: audit.ThisHost}, Act: audit.Act{What: "config", Subject: subject}, At: time.Now(), ID: id}}
}

// TestOneTrail runs 50 writers at once, two of which always write the same event.
func TestOneTrail(t *testing.T) {
	t.Parallel()
	db, dsn := open(t)
	other, key := reopen(t, dsn), auditKey(t)
	const writers, each = 50, 4
	var g errgroup.Group
	for w := range writers {
		g.Go(func() error {
			trail := db.Trail()
			if w%2 == 1 {
				trail = other.Trail()
			}
			for i := range each {
				if err := trail.Add(t.Context(), event(fmt.Sprint(w/2, "-", i), "proxy.domain")); err != nil {
					return err
				}
				if _, err := trail.Sign(t.Context(), key); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	r := verifyTrail(t, db.Trail(), key.Public())
	if !r.IsWhole() || r.Last != writers*each/2 || r.SignedRows != r.Last || r.Heads == 0 {
		t.Errorf("%+v", r)
	}
	if rows, bytes, err := db.Trail().Size(t.Context()); err != nil || rows != r.Last || bytes < 8192 {
		t.Errorf("Size = %d rows, %d bytes, %v", rows, bytes, err)
	}
}

// TestTrailOnlyGrows makes changes by accident, and then with the rights of the owner of the tables.
func TestTrailOnlyGrows(t *testing.T) {
	t.Parallel()
	db, dsn := open(t)
	conn, key := connect(t, dsn), auditKey(t)
	for i := range 6 {
		if err := db.Trail().Add(t.Context(), event(fmt.Sprint(i), "proxy.domain")); err != nil {
			t.Fatal(err)
		}
		if _, err := db.Trail().Sign(t.Context(), key); err != nil {
			t.Fatal(err)
		}
	}
	for _, q := range []string{
		`update audit set content = replace(content, 'ana', 'bob')`, `delete from audit`, `delete from audit where false`, `truncate audit`, `truncate audit, audit_head`,
		`delete from audit_head`, `update audit_head set number = 1`,
		`insert into audit (number, at, hash, content) select number + 1, at, hash, content from audit where number = 6`,
		`insert into audit (number, at, hash, content) select number + 7, at, hash, content from audit where number = 6`,
		`insert into audit (number, at, hash, content) values (7, now(), encode(sha256('{"number":7}'), 'hex'), '{"number":7,"previous":"x"}')`,
	} {
		if _, err := conn.Exec(t.Context(), q); err == nil || !strings.Contains(err.Error(), "audit trail") {
			t.Errorf("%s: %v, want a refusal", q, err)
		}
	}
	if r := verifyTrail(t, db.Trail(), key.Public()); !r.IsWhole() {
		t.Errorf("%+v", r.Problems)
	}
	exec(t, dsn, `alter table audit disable trigger all; update audit set content = replace(content, 'ana', 'bob') where number = 3`)
	if r := verifyTrail(t, db.Trail(), key.Public()); len(r.Problems) != 1 || r.Problems[0].Kind != audit.Altered || r.Problems[0].First != 3 {
		t.Errorf("after a change of row 3: %v", r.Problems)
	}
	exec(t, dsn, `update audit set content = replace(content, 'bob', 'ana') where number = 3; delete from audit where number > 4`)
	if r := verifyTrail(t, db.Trail(), key.Public()); r.IsWhole() || r.Problems[0].Kind != audit.Removed || r.Problems[0].First != 5 {
		t.Errorf("after the end was cut off: %v", r.Problems)
	}
}

// TestReadPart reads from a moment on, in pages.
func TestReadPart(t *testing.T) {
	t.Parallel()
	db, _ := open(t)
	var events []audit.Event
	for i := range 4500 {
		e := event(fmt.Sprint(i), "x")[0]
		e.At = monday.Add(time.Duration(i) * time.Second)
		events = append(events, e)
	}
	if err := db.Trail().Add(t.Context(), events); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		at     time.Time
		number int64
	}{{monday, 0}, {monday.Add(10 * time.Second), 10}, {monday.Add(time.Hour * 24), 4500}, {monday.Add(-time.Hour), 0}} {
		tip, err := db.Trail().Before(t.Context(), c.at)
		if err != nil || tip.Number != c.number {
			t.Fatalf("Before(%s) = %+v, %v; want row %d", c.at, tip, err, c.number)
		}
		n, next := 0, tip.Number+1
		err = db.Trail().Read(t.Context(), tip.Number, math.MaxInt64, catalog.Visitor{Row: func(e audit.Entry) error {
			if e.Number != next {
				return fmt.Errorf("row %d, want %d", e.Number, next)
			}
			n, next = n+1, next+1
			return nil
		}})
		if err != nil || n != 4500-int(tip.Number) {
			t.Errorf("read %d rows after row %d, %v", n, tip.Number, err)
		}
	}
	stop := errors.New("stop")
	if err := db.Trail().Read(t.Context(), 0, math.MaxInt64, catalog.Visitor{Row: func(audit.Entry) error { return stop }}); !errors.Is(err, stop) {
		t.Errorf("Read = %v", err)
	}
}

// TestServerAddsToTrail adds rows with the role of the server, and tries to change them.
func TestServerAddsToTrail(t *testing.T) {
	t.Parallel()
	db, dsn := open(t)
	const role = "audit_test_server"
	if err := db.CreateServerRole(t.Context(), role); err != nil {
		t.Fatal(err)
	}
	dropRole(t, dsn, role)
	if err := db.Trail().Add(t.Context(), event("1", "x")); err != nil {
		t.Fatal(err)
	}
	r := openReader(t, asRole(t, dsn, role))
	if err := r.Trail().Add(t.Context(), event("2", "y")); err != nil {
		t.Error(err)
	}
	if _, err := r.Trail().Sign(t.Context(), auditKey(t)); err != nil {
		t.Error(err)
	}
	if got := trailOf(t, r.Trail()); len(got) != 2 || got[1].Subject != "y" {
		t.Errorf("the trail has %d rows", len(got))
	}
	server := connect(t, asRole(t, dsn, role))
	for _, q := range []string{`update audit set event = '1'`, `delete from audit`, `truncate audit`, `delete from audit_head`, `alter table audit disable trigger all`, `drop table audit`} {
		if _, err := server.Exec(t.Context(), q); err == nil || !strings.Contains(err.Error(), "permission denied") && !strings.Contains(err.Error(), "must be owner") {
			t.Errorf("%s as the server: %v", q, err)
		}
	}
}
