package server

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// field is a row of a fieldTable: a member of an answer about a T.
type field[T any] struct {
	name string
	// value returns the value of the member; nil leaves the member out.
	value func(T) any
	// urls is set where the value has URLs of this server. markedURL makes them.
	urls bool
	// old is set for the value that old clients get instead of the one in the row of the same name.
	old bool
}

// fieldTable lists the members of an answer in the order of the alphabet, as the stores print them.
type fieldTable[T any] []field[T]

// originMark stands in prepared text for the origin of our URLs. It can't occur in JSON.
const originMark = 0

// object is the prepared text of a fieldTable: `"name":value,` for each field that has a value.
type object struct {
	text []byte
	end  []uint32 // of each row's text
}

// prepare encodes the fields of v.
func (t fieldTable[T]) prepare(v T) (object, error) {
	o := object{end: make([]uint32, len(t))}
	pooled := getBuffer()
	defer putBuffer(pooled)
	out := (*pooled)[:0]
	for i := range t {
		if value := t[i].value(v); value != nil {
			text, err := marshal(value)
			if err != nil {
				return o, fmt.Errorf("encode %s: %w", t[i].name, err)
			}
			if t[i].urls {
				text = markURLs(text)
			}
			out = append(append(append(append(out, '"'), t[i].name...), `":`...), text...)
			out = append(out, ',')
		}
		o.end[i] = uint32(len(out))
	}
	o.text, *pooled = bytes.Clone(out), out
	return o, nil
}

// size returns about the number of bytes that the object takes.
func (o *object) size() int64 { return int64(len(o.text) + 4*len(o.end)) }

// member returns the text of the row i.
func (o *object) member(i int) []byte {
	if i == 0 {
		return o.text[:o.end[0]]
	}
	return o.text[o.end[i-1]:o.end[i]]
}

// marshal encodes v as the store does, without escapes for HTML.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// markedURL returns a URL of this server before the origin is known.
func markedURL(path string) string { return "\x00" + path }

// markURLs replaces the escape of each markedURL in encoded text by originMark.
func markURLs(text []byte) []byte {
	return bytes.ReplaceAll(text, []byte(`"\u0000/`), []byte("\"\x00/"))
}

// appendURLs appends text with origin in the place of each mark.
func appendURLs(dst, text []byte, origin string) []byte {
	for {
		i := bytes.IndexByte(text, originMark)
		if i < 0 {
			return append(dst, text...)
		}
		dst = append(append(dst, text[:i]...), origin...)
		text = text[i+1:]
	}
}

// appendString appends s as a JSON string.
func appendString(dst []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= 0x7f {
			text, _ := marshal(s)
			return append(dst, text...)
		}
	}
	return append(append(append(dst, '"'), s...), '"')
}
