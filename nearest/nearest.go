// Package nearest finds the word that somebody probably meant.
package nearest

import (
	"slices"
	"strings"
)

// Word returns the word of a list that was probably meant, or "". It is one whose spelling is close, or that begins like the given word:
// --architecture stands for --arch.
func Word(word string, list []string) string {
	best, least := "", max(1, len(word)/3)+1
	for _, w := range slices.Sorted(slices.Values(list)) {
		d := limitedDistance(strings.ToLower(word), strings.ToLower(w), least)
		if len(w) >= 3 && len(word) >= 3 && (strings.HasPrefix(w, word) || strings.HasPrefix(word, w)) {
			d = min(d, 1)
		}
		if d < least {
			best, least = w, d
		}
	}
	return best
}

// Distance returns the number of letters to change, to add, to leave out or to swap with their neighbour to get from a to b.
func Distance(a, b string) int { return limitedDistance(a, b, len(a)+len(b)+1) }

// limitedDistance returns the number of letters to change, to add, to leave out or to swap with their neighbour to get from a to b. It is limit or
// more if there are that many.
func limitedDistance(a, b string, limit int) int {
	if d := len(a) - len(b); d >= limit || -d >= limit {
		return limit
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		last[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			row[j+1] = last[j]
			if a[i] != b[j] {
				row[j+1] = 1 + min(last[j], last[j+1], row[j])
			}
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
