package catalog

import "bytes"

// members calls yield with each member of a valid object in JSON: its name, which must have no escapes, and the text of its value. It does
// not look into values, so it is much faster than a decoder.
func members(text []byte, yield func(name, value []byte) bool) {
	at := bytes.IndexByte(text, '{') + 1
	for at < len(text) {
		from := bytes.IndexByte(text[at:], '"')
		if from < 0 {
			return
		}
		from += at + 1
		to := endOfString(text, from)
		at = skipSpace(text, to+1)
		at = skipSpace(text, at+1) // the colon
		end := endOfValue(text, at)
		if end <= at || !yield(text[from:to], text[at:end]) {
			return
		}
		if at = skipSpace(text, end); at >= len(text) || text[at] != ',' {
			return
		}
	}
}

// endOfString returns the place of the quote that ends a string whose first character is at a place.
func endOfString(text []byte, at int) int {
	for at < len(text) {
		quote := bytes.IndexByte(text[at:], '"')
		if quote < 0 {
			return len(text)
		}
		quote += at
		escapes := 0
		for quote-escapes > at && text[quote-escapes-1] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			return quote
		}
		at = quote + 1
	}
	return len(text)
}

// endOfValue returns the place after a value.
func endOfValue(text []byte, at int) int {
	depth := 0
	for at < len(text) {
		switch text[at] {
		case '"':
			at = endOfString(text, at+1)
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return at
			}
			depth--
		case ',', ' ', '\t', '\n', '\r':
			if depth == 0 {
				return at
			}
		}
		if at++; depth == 0 && at < len(text) && (text[at-1] == '"' || text[at-1] == '}' || text[at-1] == ']') {
			return at
		}
	}
	return len(text)
}

func skipSpace(text []byte, at int) int {
	for at < len(text) && (text[at] == ' ' || text[at] == '\n' || text[at] == '\t' || text[at] == '\r') {
		at++
	}
	return at
}
