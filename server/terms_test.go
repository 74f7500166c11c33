package server

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// TestTerms compares the search for words with strings.Index, and the filter with its result.
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
			term, from := newTerm(w), r.IntN(len(text)+1)
			wantAt := strings.Index(text[from:], w)
			if wantAt >= 0 {
				wantAt += from
			}
			if got := term.next(text, from); got != wantAt {
				t.Fatalf("%q in %q from %d on: at %d, want %d", w, text, from, got, wantAt)
			}
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

// TestScore compares the scores of words in random texts with ones that are computed text by text.
func TestScore(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	random := func(letters string, most int) string {
		b := make([]byte, r.IntN(most))
		for i := range b {
			b[i] = letters[r.IntN(len(letters))]
		}
		return string(b)
	}
	scores := make(map[int]int)
	for range 50_000 {
		text := searchText{}
		for range r.IntN(3) {
			text.ids = append(text.ids, random("abc", 5))
		}
		list := []string{random("abc", 4), random("abc", 6), random("abc", 6), random("abc", 6), random("abc", 12)}
		text.join(slices.Clone(list)...)
		word := "a" + random("abc\x00", 3)
		want := 0
		switch {
		case list[0] == word || slices.Contains(text.ids, word):
			want = scoreExact
		case strings.HasPrefix(list[0], word):
			want = scorePrefix
		case strings.Contains(list[0], word):
			want = scoreName
		}
		for i, weight := range []int{scoreTitle, scoreSummary, scorePublisher, scoreDescription} {
			if strings.Contains(list[i+1], word) {
				want += weight
			}
		}
		if want == 0 && slices.ContainsFunc(text.ids, func(id string) bool { return strings.Contains(id, word) }) {
			want = scoreDescription
		}
		term := newTerm(word)
		if got := text.score(&term); got != want {
			t.Fatalf("the score of %q in %q with ids %q is %d, want %d", word, list, text.ids, got, want)
		}
		scores[want]++
	}
	if len(scores) < 20 {
		t.Errorf("only %d different scores", len(scores))
	}
}

// TestTopMatches compares the best matches of random lists with the start of the sorted list.
func TestTopMatches(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(5, 6))
	for range 300 {
		top := topMatches{most: 1 + r.IntN(20)}
		var all []entryMatch
		for range r.IntN(500) {
			m := entryMatch{new(snapEntry), 1 + r.IntN(4)}
			all = append(all, m)
			top.add(m)
		}
		top.trim()
		slices.SortStableFunc(all, func(a, b entryMatch) int { return b.score - a.score })
		if want := all[:min(len(all), top.most)]; !slices.Equal(top.list, want) {
			t.Fatalf("the best %d of %d differ from the start of the sorted list", top.most, len(all))
		}
	}
}
