package server

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// TestTerms compares the search for words with strings.Contains.
func TestTerms(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	random := func(most int) string {
		b := make([]byte, 1+r.IntN(most))
		for i := range b {
			b[i] = "abez\x00\xc3\xa9"[r.IntN(7)]
		}
		return string(b)
	}
	found := 0
	for range 20_000 {
		text, words := random(30), []string{random(3), random(4)}[:r.IntN(3)]
		want := true
		for _, w := range words {
			want = want && strings.Contains(text, w)
		}
		if got := newTerms(words).allIn(text); got != want {
			t.Fatalf("%q in %q: %v, want %v", words, text, got, want)
		}
		if filter := newTextFilter(text); want && !filter.mayHave(newTerms(words)) {
			t.Fatalf("the filter of %q hides %q", text, words)
		}
		if want && len(words) > 0 {
			found++
		}
	}
	if found < 1000 {
		t.Errorf("only %d of the texts have their words", found)
	}
}
