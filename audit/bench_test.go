package audit_test

import (
	"bytes"
	"testing"

	"offlinestore/audit"
)

// BenchmarkVerify verifies a file of 10,000 rows for each operation.
func BenchmarkVerify(b *testing.B) {
	k := newKey(b)
	file := export(b, k, entries(b, 10_000, "snap"), 0)
	b.ReportAllocs()
	b.SetBytes(int64(len(file)))
	for b.Loop() {
		if r := verify(b, file, k.Public()); !r.IsWhole() {
			b.Fatal(r.Problems)
		}
	}
}

// BenchmarkNext makes a row for each operation.
func BenchmarkNext(b *testing.B) {
	e := audit.Event{Actor: audit.Actor{Who: "ana", From: audit.ThisHost}, At: start, Act: audit.Act{What: "override", Subject: "jq", After: map[string]any{"revision": 6}}}
	var tip audit.Tip
	b.ReportAllocs()
	for b.Loop() {
		if _, err := tip.Next(e); err != nil {
			b.Fatal(err)
		}
	}
}

// endless is a file of rows that never ends within a test.
type endless struct {
	rest []byte
	tip  audit.Tip
	left int
}

// Read implements [io.Reader].
func (e *endless) Read(p []byte) (int, error) {
	if len(e.rest) == 0 {
		if e.left--; e.left < 0 {
			return 0, bytes.ErrTooLarge
		}
		entry, err := e.tip.Next(audit.Event{At: start, Act: audit.Act{What: "x", Subject: "y"}})
		if err != nil {
			return 0, err
		}
		e.tip.Number += int64(e.left % 2) // every other row is missing
		e.rest = []byte(`{"hash":"` + entry.Hash + `","row":` + string(entry.Content) + "}\n")
	}
	n := copy(p, e.rest)
	e.rest = e.rest[n:]
	return n, nil
}
