package server

import "strings"

// textFilter has a bit for each three characters that follow each other in a text. It tells of most texts that they do not have a word, without a
// look at them: the texts of a large catalogue take far longer to read than the filters.
type textFilter [32]uint64

// bitOf returns the place of the bit of three characters.
func bitOf(text string, at int) (word, bit uint32) {
	h := (uint32(text[at])<<16 | uint32(text[at+1])<<8 | uint32(text[at+2])) * 0x9E3779B1 >> 21
	return h >> 6, h & 63
}

func newTextFilter(text string) (f textFilter) {
	for at := range max(0, len(text)-2) {
		word, bit := bitOf(text, at)
		f[word] |= 1 << bit
	}
	return f
}

// mayHave reports whether the text of the filter may have all words.
func (f *textFilter) mayHave(list terms) bool {
	for i := range list {
		for at := range max(0, len(list[i].word)-2) {
			if word, bit := bitOf(list[i].word, at); f[word]&(1<<bit) == 0 {
				return false
			}
		}
	}
	return true
}

// term is a word of a search, with the place of the letter that is rare in texts. A search for that letter stops at few places that do not
// have the word, which is faster than strings.Contains.
type term struct {
	word string
	rare int
}

// terms are the words of a search.
type terms []term

// frequent has the letters from the most frequent one. Others are rarer.
const frequent = " etaoinsrhldcumfpgwybvkxjqz"

func newTerm(word string) term {
	rank := func(c byte) int {
		if i := strings.IndexByte(frequent, c); i >= 0 {
			return i
		}
		return len(frequent)
	}
	t := term{word: word}
	for i := range len(word) {
		if rank(word[i]) > rank(word[t.rare]) {
			t.rare = i
		}
	}
	return t
}

func newTerms(words []string) (list terms) {
	for _, word := range words {
		list = append(list, newTerm(word))
	}
	return list
}

// next returns the first place of the word in a text from a place on, or -1.
func (t *term) next(text string, from int) int {
	letter := t.word[t.rare]
	for at := from + t.rare; at < len(text); at++ {
		i := strings.IndexByte(text[at:], letter)
		if i < 0 {
			return -1
		}
		at += i
		if strings.HasPrefix(text[at-t.rare:], t.word) {
			return at - t.rare
		}
	}
	return -1
}
