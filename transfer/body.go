package transfer

import (
	"errors"
	"io"
	"net/http"
)

// ReadBody reads the body of a request into buf, or into a larger one, and returns the buffer. The Guard counts the memory as it is
// needed, since a client may announce a body and never send it. The error may be ErrBusy or an http.MaxBytesError.
func ReadBody(w http.ResponseWriter, r *http.Request, limit int64, buf []byte) ([]byte, error) {
	body := http.MaxBytesReader(w, r.Body, limit)
	buf = buf[:0]
	for {
		if len(buf) == cap(buf) {
			size := max(2*int64(cap(buf)), FreeMemory/2)
			if err := Hold(r, size+int64(cap(buf))); err != nil {
				return buf, err
			}
			buf = append(make([]byte, 0, size), buf...)
		}
		n, err := body.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if errors.Is(err, io.EOF) {
			return buf, nil
		}
		if err != nil {
			return buf, err
		}
	}
}

// Twice the sizes of the large structures of the store's requests in memory, since lists double as they grow.
const (
	weightOfElement = 448 // of a list in the root: an action, an installed snap
	weightOfPart    = 224 // of a list in such an element: a requested assertion
	weightOfValue   = 32
)

// Weigh returns an upper bound for the memory that the JSON of a request takes when it is decoded, in bytes, and the number of its
// values.
func Weigh(text []byte) (size int64, values int) {
	size = int64(len(text))
	depth := 0
	var lists uint64 // a bit for each depth at which a list is open
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			i = endOfString(text, i)
			continue
		case '[', '{':
			depth++
			lists &^= 1 << depth
			if text[i] == '[' {
				lists |= 1 << depth
			}
		case ']', '}':
			depth--
			continue
		case ',':
		default:
			continue
		}
		values++
		switch isList := lists&(1<<depth) != 0; {
		case isList && depth <= 2:
			size += weightOfElement
		case isList && depth <= 4:
			size += weightOfPart
		default:
			size += weightOfValue
		}
	}
	return size, values
}

// endOfString returns the index of the quote that ends the string which begins at i.
func endOfString(text []byte, i int) int {
	for i++; i < len(text) && text[i] != '"'; i++ {
		if text[i] == '\\' {
			i++
		}
	}
	return i
}
