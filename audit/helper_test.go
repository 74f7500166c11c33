package audit_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"offlinestore/audit"
)

var start = time.Date(2026, 11, 29, 19, 0, 0, 0, time.UTC)

func newKey(t testing.TB) audit.Key {
	t.Helper()
	k, err := audit.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// entries returns the first n rows of a trail.
func entries(t testing.TB, n int, name string) (list []audit.Entry) {
	t.Helper()
	var tip audit.Tip
	for i := range n {
		e, err := tip.Next(audit.Event{
			Actor: audit.Actor{Who: "ana@example.com", From: "10.0.0.7:4711"}, At: start.Add(time.Duration(i) * time.Second),
			Act: audit.Act{What: "override", Subject: fmt.Sprint(name, i+1), Before: map[string]int{"revision": i}, After: map[string]int{"revision": i + 1}},
		})
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, e)
	}
	return list
}

// export writes the rows after the first skip ones, with a signed head after each fourth row.
func export(t testing.TB, k audit.Key, list []audit.Entry, skip int) []byte {
	t.Helper()
	var previous, last audit.Tip
	if skip > 0 {
		previous = list[skip-1].Tip
	}
	if len(list) > 0 {
		last = list[len(list)-1].Tip
	}
	var out bytes.Buffer
	w, err := k.NewWriter(&out, previous, last, start.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list[skip:] {
		if err := w.Row(e); err != nil {
			t.Fatal(err)
		}
		if e.Number%4 == 0 {
			h, err := k.SignHead(e.Tip, start.Add(time.Minute))
			if err == nil {
				err = w.Head(h)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	return out.Bytes()
}

func verify(t testing.TB, file []byte, keys ...audit.PublicKey) *audit.Result {
	t.Helper()
	r, err := audit.NewVerifier(keys...).VerifyFile(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	return r
}
