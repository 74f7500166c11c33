package receipt_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"offlinestore/receipt"
)

func want(carried ...int) *receipt.Want {
	return &receipt.Want{Exporter: digest.FromString("key").String(), Bundle: digest.FromString("bundle"), Created: time.Date(2026, 11, 29, 21, 0, 0, 0, time.UTC), Carried: carried}
}

// TestCode makes codes for random missing bundles. Each is short, and reads as it was made, also in lower case and with other separators.
func TestCode(t *testing.T) {
	t.Parallel()
	k, r := newKey(t), rand.New(rand.NewPCG(1, 2))
	for n := range 300 {
		w := want()
		for i := range n {
			if r.IntN(3) > 0 {
				w.Carried = append(w.Carried, i*(1+n%4))
			}
		}
		w.Unknown = n%2 == 0
		code, err := w.Code(k)
		if err != nil {
			t.Fatal(err)
		}
		if len(code) > receipt.MaxCode {
			t.Fatalf("%d characters: %s", len(code), code)
		}
		for _, text := range []string{code, strings.ToLower(code), strings.ReplaceAll(code, "-", " "), strings.ReplaceAll(strings.ReplaceAll(code, "0", "o"), "1", "l")} {
			s, err := receipt.ParseCode(text)
			if err != nil {
				t.Fatal(err)
			}
			got, err := s.Verify(k.Public())
			if err != nil || !s.Matches(w.Bundle) || !s.MatchesExporter(w.Exporter) || !got.Created.Equal(w.Created) {
				t.Fatalf("%+v, %v", got, err)
			}
			if !got.All && (!slices.Equal(got.Carried, w.Carried) || got.Unknown != w.Unknown) {
				t.Fatalf("%v and unknown %t, want %v and %t", got.Carried, got.Unknown, w.Carried, w.Unknown)
			}
			if got.All && n < 10 {
				t.Fatalf("%d bundles became all", len(w.Carried))
			}
		}
	}
}

// TestCodeAltered changes each character of a code to each other one. The checksum, or else the signature, notices.
func TestCodeAltered(t *testing.T) {
	t.Parallel()
	k := newKey(t)
	code, err := want(0, 1, 5).Code(k)
	if err != nil {
		t.Fatal(err)
	}
	typing := 0
	for i, c := range code {
		for _, other := range "0123456789ABCDEFGHJKMNPQRSTVWXYZ" {
			if c == '-' || c == other {
				continue
			}
			s, err := receipt.ParseCode(code[:i] + string(other) + code[i+1:])
			if err == nil {
				_, err = s.Verify(k.Public())
			}
			if errors.Is(err, receipt.ErrTyping) {
				typing++
			} else if !errors.Is(err, receipt.ErrSignature) && !errors.Is(err, receipt.ErrCode) {
				t.Fatalf("character %d, %c: %v", i, other, err)
			}
		}
	}
	if typing < 4000 {
		t.Errorf("the checksum notices %d changes of one character", typing)
	}
	for n := range len(code) {
		if _, err := receipt.ParseCode(code[:n]); err == nil {
			t.Fatalf("cut off at %d", n)
		}
	}
	s, err := receipt.ParseCode(code)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Verify(newKey(t).Public()); !errors.Is(err, receipt.ErrSignature) {
		t.Errorf("another store's code: %v", err)
	}
	if s.Matches(digest.FromString("another")) || s.MatchesExporter(digest.FromString("another").String()) {
		t.Error("it matches another bundle or exporter")
	}
}

func FuzzParseCode(f *testing.F) {
	code, err := want(3).Code(newKey(f))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(code)
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := receipt.ParseCode(text); err != nil && !errors.Is(err, receipt.ErrCode) && !errors.Is(err, receipt.ErrTyping) {
			t.Error(err)
		}
	})
}
