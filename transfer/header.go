package transfer

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
)

// maxExcess is the number of bytes that may follow a request before its answer: some clients end a body with an empty line.
const maxExcess = 2

// errRefused is of a kind that makes net/http close the connection without an answer of its own.
var errRefused error = &net.OpError{Op: "read", Net: "tcp", Err: errors.New("the request has too many header fields")}

// refusal is the answer to a header of too many lines.
const refusal = "HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n" +
	"the request has too many header fields\n"

// headerCounter counts the lines of a header, before it costs anything to parse them.
type headerCounter struct {
	lines, length int // length is the present line's, without carriage returns
	isOver        bool
	// excess is the number of bytes that came in one piece with the end of the header.
	excess int
}

// count adds a part of a request. Bytes after the empty line that ends the header do not count, nor lines after too many.
func (h *headerCounter) count(part []byte) {
	if h.isOver {
		return
	}
	for len(part) > 0 && !h.isOver && !h.hasTooMany() {
		line, rest, isWhole := bytes.Cut(part, []byte("\n"))
		h.length += len(line) - bytes.Count(line, []byte("\r"))
		if part = rest; !isWhole {
			break
		}
		// net/http passes over empty lines before a request that follows a POST.
		if h.isOver = h.length == 0 && h.lines > 0; h.length > 0 {
			h.lines++
		}
		h.length = 0
	}
	h.excess = len(part)
}

// hasTooMany reports whether the header has more than the line of the request and maxFields others.
func (h *headerCounter) hasTooMany() bool { return h.lines > maxFields+1 }

// receive accounts for bytes of requests. It answers a header of too many lines on w, and returns errRefused.
func (c *conn) receive(part []byte, w io.Writer) error {
	if c.is(idle) {
		c.startReading()
	}
	if !c.is(reading) {
		if c.body.Load() > 0 {
			c.body.Add(-int64(len(part)))
		}
		return nil
	}
	if c.header.count(part); !c.header.hasTooMany() {
		return nil
	}
	c.isRefused.Store(true)
	_, _ = io.WriteString(w, refusal) // an error means that the client is gone
	return errRefused
}

// limit returns the part of b that the present body fills at most. So the next header is read by itself, and counted from its start.
func (c *conn) limit(b []byte) []byte {
	if left := c.body.Load(); left > 0 && c.is(busy) {
		return b[:min(int64(len(b)), left)]
	}
	return b
}

// hasNext reports whether a part of the next header may have come before the answer to r. That part was not counted.
func (c *conn) hasNext(r *http.Request) bool {
	return r.ContentLength < 0 || int64(c.header.excess)-r.ContentLength > maxExcess
}
