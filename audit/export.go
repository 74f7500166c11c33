package audit

import (
	"encoding/base64"
	"io"
	"time"
)

// The beginnings of the lines of an exported file, and what separates their two members.
const (
	headerPrefix    = `{"header":`
	headPrefix      = `{"head":`
	signatureMember = `,"signature":"`
	signatureEnd    = `"}`
	rowPrefix       = `{"hash":"`
	rowMember       = `","row":`
	rowEnd          = `}`
)

// Writer writes an exported file: a signed header, the rows, and after each row the signed heads that name it.
type Writer struct{ w io.Writer }

// NewWriter begins a file with the rows after previous, up to and including last. The key signs that.
func (k Key) NewWriter(w io.Writer, previous, last Tip, now time.Time) (*Writer, error) {
	header, err := k.sign(statement{
		At: Time(now), First: previous.Number + 1, Format: Format, Previous: previous.hash(), Hash: last.hash(), Rows: last.Number, Type: typeExport,
	})
	if err != nil {
		return nil, err
	}
	out := &Writer{w}
	return out, out.signed(headerPrefix, header)
}

// Row writes a row.
func (w *Writer) Row(e Entry) error {
	_, err := io.WriteString(w.w, rowPrefix+e.Hash+rowMember+string(e.Content)+rowEnd+"\n")
	return err
}

// Head writes a signed head.
func (w *Writer) Head(h *Head) error { return w.signed(headPrefix, h) }

func (w *Writer) signed(prefix string, h *Head) error {
	_, err := io.WriteString(w.w, prefix+string(h.Content)+signatureMember+base64.StdEncoding.EncodeToString(h.Signature)+signatureEnd+"\n")
	return err
}
