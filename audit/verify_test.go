package audit_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"

	"offlinestore/audit"
)

func TestWholeFile(t *testing.T) {
	t.Parallel()
	k := newKey(t)
	for _, c := range []struct{ rows, skip int }{{0, 0}, {1, 0}, {10, 0}, {12, 0}, {12, 5}, {12, 12}} {
		r := verify(t, export(t, k, entries(t, c.rows, "a"), c.skip), k.Public())
		if !r.IsWhole() || r.First != int64(c.skip+1) || r.Last != int64(c.rows) || r.SignedRows != int64(c.rows) {
			t.Errorf("%d rows from %d: %+v", c.rows, c.skip, r)
		}
	}
}

// lineOf returns the index of the line of a row in a file of export without skipped rows: a header is before, and a head after each fourth row.
func lineOf(row int) int { return row + (row-1)/4 }

// TestFindsTheRow makes one change, and wants it named.
func TestFindsTheRow(t *testing.T) {
	t.Parallel()
	k, foreign := newKey(t), newKey(t)
	list, other := entries(t, 22, "a"), entries(t, 22, "b")
	file := export(t, k, list, 0)
	rowLine := func(e audit.Entry) string { return fmt.Sprintf(`{"hash":"%s","row":%s}`, e.Hash, e.Content) }
	// forged returns row n with another subject and the right hash.
	forged := func(n int) string {
		tip := audit.Tip{}
		if n > 1 {
			tip = list[n-2].Tip
		}
		e, err := tip.Next(audit.Event{At: start, Act: audit.Act{What: "override", Subject: "forged"}})
		if err != nil {
			t.Fatal(err)
		}
		return rowLine(e)
	}
	for n := 1; n <= len(list); n++ {
		at := lineOf(n)
		for name, c := range map[string]struct {
			change func(lines []string) []string
			kind   audit.Kind
			row    int64
		}{
			"remove":          {func(l []string) []string { return slices.Delete(l, at, at+1) }, audit.Removed, int64(n)},
			"forge":           {func(l []string) []string { l[at] = forged(n); return l }, audit.Altered, int64(n)},
			"garbage":         {func(l []string) []string { l[at] = "?"; return l }, audit.Altered, int64(n)},
			"long line":       {func(l []string) []string { l[at] = strings.Repeat("x", 3*audit.MaxRow); return l }, audit.Altered, int64(n)},
			"empty line":      {func(l []string) []string { l[at] = ""; return l }, audit.Altered, int64(n)},
			"insert":          {func(l []string) []string { return slices.Insert(l, at, forged(n)) }, audit.Inserted, int64(n)},
			"repeat":          {func(l []string) []string { return slices.Insert(l, at, l[at]) }, audit.Inserted, int64(n)},
			"of other chain":  {func(l []string) []string { l[at] = rowLine(other[n-1]); return l }, audit.Altered, int64(n)},
			"insert of other": {func(l []string) []string { return slices.Insert(l, at, rowLine(other[n-1])) }, audit.Inserted, int64(n)},
			"not canonical":   {func(l []string) []string { l[at] = strings.Replace(l[at], `"row":{`, `"row":{ `, 1); return l }, audit.Altered, int64(n)},
		} {
			lines := strings.Split(string(file), "\n")
			r := verify(t, []byte(strings.Join(c.change(lines), "\n")), k.Public(), foreign.Public())
			found := names(r, c.kind, c.row)
			if n == len(list) && c.kind == audit.Altered { // no row follows that names the hash; the header does
				found = found || names(r, audit.Rewritten, c.row)
			}
			if !found || len(r.Problems) > 3 {
				t.Errorf("%s row %d: want %s: %+v", name, n, c.kind, r.Problems)
			}
		}
		for m := n + 1; m <= len(list); m++ {
			lines := strings.Split(string(file), "\n")
			lines[at], lines[lineOf(m)] = lines[lineOf(m)], lines[at]
			if r := verify(t, []byte(strings.Join(lines, "\n")), k.Public()); r.IsWhole() || !names(r, audit.Moved, int64(n)) && !names(r, audit.Moved, int64(m)) {
				t.Errorf("swap rows %d and %d: %+v", n, m, r.Problems)
			}
		}
	}
}

func names(r *audit.Result, kind audit.Kind, row int64) bool {
	return slices.ContainsFunc(r.Problems, func(p audit.Problem) bool { return p.Kind == kind && p.First <= row && p.Last >= row })
}

// TestEachByte flips each byte of a file, and cuts the file at each byte.
func TestEachByte(t *testing.T) {
	t.Parallel()
	k := newKey(t)
	file := export(t, k, entries(t, 9, "a"), 0)
	for i := range file {
		line := bytes.Count(file[:i], []byte{'\n'})
		changed := bytes.Clone(file)
		changed[i] ^= 1
		r := verify(t, changed, k.Public())
		if r.IsWhole() {
			t.Errorf("byte %d, line %d: not found", i, line)
		}
		if row := rowAt(line); row > 0 && file[i] != '\n' && !names(r, audit.Altered, row) {
			t.Errorf("byte %d of row %d: %+v", i, row, r.Problems)
		}
		if r := verify(t, file[:i], k.Public()); r.IsWhole() {
			t.Errorf("cut at byte %d: not found", i)
		}
	}
}

// rowAt returns the number of the row in a line of export, or 0.
func rowAt(line int) int64 {
	for row := 1; row < 100; row++ {
		if lineOf(row) == line {
			return int64(row)
		}
	}
	return 0
}

// TestNewHashes changes a row and makes all later hashes anew, as somebody without the key can.
func TestNewHashes(t *testing.T) {
	t.Parallel()
	k, thief := newKey(t), newKey(t)
	list := entries(t, 12, "a")
	for n := 1; n <= len(list); n++ {
		tip := audit.Tip{}
		if n > 1 {
			tip = list[n-2].Tip
		}
		rest := slices.Clone(list[:n-1])
		for i := n; i <= len(list); i++ {
			e, err := tip.Next(audit.Event{At: start, Act: audit.Act{What: "override", Subject: "forged"}})
			if err != nil {
				t.Fatal(err)
			}
			rest = append(rest, e)
		}
		genuine := strings.Split(string(export(t, k, list, 0)), "\n")
		for i, e := range rest {
			genuine[lineOf(i+1)] = fmt.Sprintf(`{"hash":"%s","row":%s}`, e.Hash, e.Content)
		}
		if r := verify(t, []byte(strings.Join(genuine, "\n")), k.Public()); !names(r, audit.Rewritten, int64(n)) {
			t.Errorf("from row %d: %+v", n, r.Problems)
		}
		r := verify(t, export(t, thief, rest, 0), k.Public())
		if r.IsWhole() || r.Problems[0].Kind != audit.Unsigned || r.SignedRows != 0 {
			t.Errorf("signed by another key: %+v", r.Problems)
		}
	}
}

func TestForeignHead(t *testing.T) {
	t.Parallel()
	k, thief := newKey(t), newKey(t)
	list := entries(t, 8, "a")
	lines, foreign := strings.Split(string(export(t, k, list, 0)), "\n"), strings.Split(string(export(t, thief, list, 0)), "\n")
	lines[5] = foreign[5]
	file := []byte(strings.Join(lines, "\n"))
	if r := verify(t, file, k.Public()); !names(r, audit.Unsigned, 4) {
		t.Errorf("%+v", r.Problems)
	}
	if r := verify(t, file, k.Public(), thief.Public()); !r.IsWhole() {
		t.Errorf("both keys are known: %+v", r.Problems)
	}
	if r := verify(t, file); r.IsWhole() {
		t.Error("verified without a key")
	}
}

// TestFlatMemory verifies a large file with many problems.
func TestFlatMemory(t *testing.T) {
	k := newKey(t)
	header := bytes.SplitAfter(export(t, k, nil, 0), []byte("\n"))[0]
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	v := audit.NewVerifier(k.Public())
	_, err := v.VerifyFile(io.MultiReader(bytes.NewReader(header), &endless{left: 60_000}))
	if !errors.Is(err, bytes.ErrTooLarge) {
		t.Fatal(err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if r := v.Finish(); r.IsWhole() || len(r.Problems) != 100 || r.More < 1000 {
		t.Errorf("%d problems, %d more", len(r.Problems), r.More)
	}
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 4<<20 {
		t.Errorf("the verification keeps %d bytes", grown)
	}
}
