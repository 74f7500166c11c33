package server

import (
	"slices"
	"strings"
)

// The weight of a word by the place where it is found. One match in a better place weighs more than all matches in worse ones.
const (
	scoreExact       = 64
	scorePrefix      = 32
	scoreName        = 16
	scoreTitle       = 8
	scoreSummary     = 4
	scorePublisher   = 2
	scoreDescription = 1
)

// scoreAll returns the score of words, or 0 if one of them is not found. Words that stand together, as in phrase, add to the score.
func (t *searchText) scoreAll(words terms, phrase *term) (total int) {
	for i := range words {
		n := t.score(&words[i])
		if n == 0 {
			return 0
		}
		total += n
	}
	if len(words) > 1 {
		total += t.score(phrase) * len(words)
	}
	return total
}

// fieldScores are the weights of the texts in the order of searchText.all. The name has several.
var fieldScores = [...]int{0, scoreTitle, scoreSummary, scorePublisher, scoreDescription}

// score returns how well a word fits, or 0 if it does not fit at all. It reads the texts once.
func (t *searchText) score(word *term) int {
	inName, inOthers, start := 0, 0, 0
	at := word.next(t.all, 0)
	for i, text := range [...]string{t.name, t.title, t.summary, t.publisher, t.description} {
		if at >= 0 && at < start {
			at = word.next(t.all, start)
		}
		if at < 0 {
			return inName + inOthers
		}
		end := start + len(text)
		switch found := at+len(word.word) <= end; {
		case !found:
		case i > 0:
			inOthers += fieldScores[i]
		case len(text) == len(word.word):
			inName = scoreExact
		case at == 0:
			inName = scorePrefix
		default:
			inName = scoreName
		}
		start = end + 1
	}
	switch {
	case slices.Contains(t.ids, word.word):
		inName = scoreExact
	case inName+inOthers == 0 && slices.ContainsFunc(t.ids, func(id string) bool { return strings.Contains(id, word.word) }):
		return scoreDescription
	}
	return inName + inOthers
}
