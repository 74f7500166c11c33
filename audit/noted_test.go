package audit_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"offlinestore/audit"
)

// TestNotedRows compares noted rows before, within and after a part of a trail.
func TestNotedRows(t *testing.T) {
	t.Parallel()
	k := newKey(t)
	list := entries(t, 12, "a")
	part := export(t, k, list, 5)
	wrong := strings.Repeat("1", 64)
	for _, c := range []struct {
		tip  audit.Tip
		want error
		kind audit.Kind
	}{
		{list[4].Tip, nil, ""},
		{audit.Tip{Number: 5, Hash: wrong}, audit.ErrBroken, audit.Rewritten},
		{list[3].Tip, audit.ErrNotCompared, audit.NotCompared},
		{list[7].Tip, nil, ""},
		{audit.Tip{Number: 8, Hash: wrong}, audit.ErrBroken, audit.Rewritten},
		{audit.Tip{Number: 13, Hash: wrong}, audit.ErrBroken, audit.Removed},
	} {
		v := audit.NewVerifier(k.Public())
		v.Expect(c.tip)
		r, err := v.VerifyFile(bytes.NewReader(part))
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Err(); !errors.Is(err, c.want) || c.kind != "" && r.Problems[0].Kind != c.kind {
			t.Errorf("row %d: %v, %+v; want %v", c.tip.Number, err, r.Problems, c.want)
		}
	}
}

// TestLossIsTold warns of rows that tell of lost ones, and reports the ones that the trail contradicts.
func TestLossIsTold(t *testing.T) {
	t.Parallel()
	k := newKey(t)
	list := entries(t, 5, "a")
	end, gone := list[4].Tip, audit.LostTip{Rows: 9, Hash: strings.Repeat("9", 64)}
	for name, c := range map[string]struct {
		before, after any
		whole         bool
	}{
		"told":      {gone, audit.LostTip{Rows: 5, Hash: end.Hash}, true},
		"earlier":   {gone, audit.LostTip{Rows: 3, Hash: list[2].Hash}, true},
		"elsewhere": {gone, audit.LostTip{Rows: 5, Hash: gone.Hash}, false},
		"later":     {gone, audit.LostTip{Rows: 6, Hash: end.Hash}, false},
		"there":     {audit.LostTip{Rows: 5, Hash: end.Hash}, audit.LostTip{Rows: 5, Hash: end.Hash}, false},
		"nothing":   {nil, nil, false},
	} {
		tip := end
		e, err := tip.Next(audit.Event{At: start, Act: audit.Act{What: audit.LoseRows, Subject: "audit trail", Before: c.before, After: c.after}})
		if err != nil {
			t.Fatal(err)
		}
		r := verify(t, export(t, k, append(list[:5:5], e), 0), k.Public())
		if r.IsWhole() != c.whole || c.whole != (len(r.Warnings) == 1) {
			t.Errorf("%s: %+v", name, r)
		}
		if !c.whole && !names(r, audit.Contradicted, 6) {
			t.Errorf("%s: %+v", name, r.Problems)
		}
	}
}
