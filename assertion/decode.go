package assertion

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"
	"unicode/utf8"
)

// The size limits of the parts of an assertion, in bytes: snapd's own limits.
const (
	MaxHeaders   = 128 << 10
	MaxBody      = 2 << 20
	MaxSignature = 128 << 10
)

// Decode decodes a single assertion. One newline may follow it and nothing else.
func Decode(b []byte) (*Assertion, error) {
	a, err := NewDecoder(bytes.NewReader(b)).Decode()
	if err == io.EOF {
		return nil, &FormatError{Err: io.ErrUnexpectedEOF}
	}
	if err != nil {
		return nil, err
	}
	if len(b)-len(a.raw) > 1 {
		return nil, &FormatError{Type: a.Type(), Err: errors.New("data after the assertion")}
	}
	return a, nil
}

// DecodeAll decodes a stream of assertions in memory.
func DecodeAll(b []byte) ([]*Assertion, error) {
	var all []*Assertion
	d := NewDecoder(bytes.NewReader(b))
	for {
		a, err := d.Decode()
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return nil, fmt.Errorf("assertion %d: %w", len(all)+1, err)
		}
		all = append(all, a)
	}
}

// EncodeAll writes a stream of assertions, separated by blank lines.
func EncodeAll(w io.Writer, all []*Assertion) error {
	for i, a := range all {
		sep := "\n\n"
		if i == len(all)-1 {
			sep = "\n"
		}
		if _, err := w.Write(a.raw); err != nil {
			return fmt.Errorf("write %s: %w", a.ref, err)
		}
		if _, err := io.WriteString(w, sep); err != nil {
			return fmt.Errorf("write %s: %w", a.ref, err)
		}
	}
	return nil
}

// Decoder reads a stream of assertions.
type Decoder struct {
	r   *bufio.Reader
	err error
}

// NewDecoder returns a Decoder that reads from r. It reads ahead.
func NewDecoder(r io.Reader) *Decoder { return &Decoder{r: bufio.NewReader(r)} }

// Decode decodes the next assertion. It returns io.EOF at the end of the stream. After a failure, it returns the same error
// again.
func (d *Decoder) Decode() (*Assertion, error) {
	if d.err != nil {
		return nil, d.err
	}
	a, err := d.decode()
	if err != nil {
		d.err = err
		return nil, err
	}
	return a, nil
}

func (d *Decoder) decode() (*Assertion, error) {
	if _, err := d.r.Peek(1); err == io.EOF {
		return nil, io.EOF
	}
	head, blank, err := d.paragraph(MaxHeaders)
	if err == nil && !blank {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, &FormatError{Err: fmt.Errorf("headers: %w", err)}
	}
	headers, err := parseHeaders(head)
	if err != nil {
		return nil, &FormatError{Err: err}
	}
	typ, _ := headers["type"].(string)
	body, err := d.body(headers)
	if err != nil {
		return nil, &FormatError{Type: typ, Err: err}
	}
	sig, _, err := d.paragraph(MaxSignature)
	if err != nil {
		return nil, &FormatError{Type: typ, Err: fmt.Errorf("signature: %w", err)}
	}
	if len(sig) == 0 {
		return nil, &FormatError{Type: typ, Err: errors.New("signature: empty")}
	}
	a, err := assemble(head, headers, body, sig)
	if err != nil {
		return nil, &FormatError{Type: typ, Err: err}
	}
	return a, nil
}

// paragraph reads up to a blank line or the end of the stream. It returns the text without its last newline.
func (d *Decoder) paragraph(limit int) (text []byte, blank bool, err error) {
	for {
		line, err := d.r.ReadSlice('\n')
		if err == nil && len(line) == 1 && (len(text) == 0 || text[len(text)-1] == '\n') {
			return bytes.TrimSuffix(text, []byte("\n")), true, nil
		}
		if len(text)+len(line) > limit+1 {
			return nil, false, fmt.Errorf("longer than %d bytes", limit)
		}
		text = append(text, line...)
		switch {
		case err == io.EOF:
			return bytes.TrimSuffix(text, []byte("\n")), false, nil
		case err != nil && err != bufio.ErrBufferFull:
			return nil, false, err
		}
	}
}

// body reads the number of bytes in body-length, and the blank line after them.
func (d *Decoder) body(headers map[string]any) ([]byte, error) {
	length, err := decimalHeader(headers, "body-length", 0)
	if err != nil || length == 0 {
		return nil, err
	}
	if length > MaxBody {
		return nil, fmt.Errorf("body: longer than %d bytes", MaxBody)
	}
	body := make([]byte, length+2)
	if _, err := io.ReadFull(d.r, body); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return nil, fmt.Errorf("body: %w", err)
	}
	body, ok := bytes.CutSuffix(body, []byte("\n\n"))
	if !ok {
		return nil, errors.New("body: not of the stated length")
	}
	if !utf8.Valid(body) {
		return nil, errors.New("body: not UTF-8")
	}
	return body, nil
}

// assemble makes an assertion of the parts and validates it by the rules of its type.
func assemble(head []byte, headers map[string]any, body, sig []byte) (*Assertion, error) {
	raw := make([]byte, 0, len(head)+len(body)+len(sig)+4)
	raw = append(raw, head...)
	if len(body) > 0 {
		raw = append(append(raw, "\n\n"...), body...)
	}
	n := len(raw)
	raw = append(append(raw, "\n\n"...), sig...)
	a := &Assertion{headers: headers, raw: raw, content: raw[:n:n], signature: raw[n+2:]}
	if len(body) > 0 {
		a.body = raw[n-len(body) : n : n]
	}
	var err error
	if a.format, err = intHeader(headers, "format", 0); err != nil {
		return nil, err
	}
	if a.revision, err = intHeader(headers, "revision", 0); err != nil {
		return nil, err
	}
	a.ref.Type = a.HeaderString("type")
	if !validName.MatchString(a.ref.Type) {
		return nil, fmt.Errorf("type %.60q: not valid", a.ref.Type)
	}
	if a.typ, a.known = TypeByName(a.ref.Type); !a.known {
		a.timestamp, _ = time.Parse(time.RFC3339, a.HeaderString("timestamp"))
		return a, nil
	}
	return a, a.checkForm()
}

func parseDecimal(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || strconv.FormatInt(n, 10) != s {
		return 0, fmt.Errorf("%.60q: not a plain decimal number", s)
	}
	return n, nil
}

func decimalHeader(headers map[string]any, name string, missing int64) (int64, error) {
	v, ok := headers[name]
	if !ok {
		return missing, nil
	}
	s, ok := v.(string)
	if !ok {
		return 0, fmt.Errorf("header %q: not a number", name)
	}
	n, err := parseDecimal(s)
	if err != nil {
		return 0, fmt.Errorf("header %q: %w", name, err)
	}
	return n, nil
}

// intHeader returns a decimal header that counts. Counters fit 31 bits everywhere (PostgreSQL's integer too).
func intHeader(headers map[string]any, name string, missing int) (int, error) {
	n, err := decimalHeader(headers, name, int64(missing))
	if err == nil && n > 1<<31-1 {
		err = fmt.Errorf("header %q: %d is too large", name, n)
	}
	return int(n), err
}
