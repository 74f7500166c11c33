package audit

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// maxProblems is the number of problems that a Result lists. More of them tell nothing new.
const maxProblems = 100

// Result is the outcome of a verification. The trail is whole if it has no Problems.
type Result struct {
	// First and Last are the numbers of the first and the last row. Last is below First if there are none.
	First int64 `json:"first"`
	Last  int64 `json:"last"`
	// Hash is the hash of the last row.
	Hash string `json:"hash"`
	// SignedAt is the time of the newest signature, and SignedRows the number of rows that it vouches for.
	SignedAt   *time.Time `json:"signed-at,omitempty"`
	SignedRows int64      `json:"signed-rows"`
	// Heads is the number of signed heads.
	Heads    int64     `json:"heads"`
	Problems []Problem `json:"problems"`
	// More is the number of problems that are not listed.
	More int64 `json:"more-problems,omitempty"`
	// Warnings are rows that tell of lost ones. The trail may be whole nevertheless.
	Warnings     []Problem `json:"warnings"`
	MoreWarnings int64     `json:"more-warnings,omitempty"`
}

// IsWhole reports whether the verification found no fault.
func (r *Result) IsWhole() bool { return len(r.Problems) == 0 }

var (
	// ErrBroken reports a trail whose rows the store has not made like that.
	ErrBroken = errors.New("the audit trail is not whole")
	// ErrUnsigned reports a trail whose rows follow each other, and that no known key has signed.
	ErrUnsigned = errors.New("no known key has signed the audit trail")
	// ErrNotCompared reports a row with a noted hash that is not among the verified ones.
	ErrNotCompared = errors.New("a noted row is not among the rows that were verified")
)

// Err returns nil, ErrBroken, ErrUnsigned or ErrNotCompared.
func (r *Result) Err() error {
	switch {
	case r.IsWhole():
		return nil
	case slices.ContainsFunc(r.Problems, func(p Problem) bool { return p.Kind != Unsigned && p.Kind != NotCompared }):
		return ErrBroken
	case slices.ContainsFunc(r.Problems, func(p Problem) bool { return p.Kind == Unsigned }):
		return ErrUnsigned
	}
	return ErrNotCompared
}

// VerifyFile verifies an exported file. The error is about reading the file alone.
func (v *Verifier) VerifyFile(r io.Reader) (*Result, error) {
	v.Begin(Tip{})
	lines := bufio.NewReaderSize(r, MaxRow+1024)
	for {
		text, err := lines.ReadSlice('\n')
		v.line++
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			v.unreadable("the line is too long")
			if err := skipLine(lines); err != nil {
				return nil, err
			}
			continue
		case errors.Is(err, io.EOF) && len(text) == 0:
			return v.end(), nil
		case errors.Is(err, io.EOF):
			v.unreadable("the file ends within the line")
			return v.end(), nil
		case err != nil:
			return nil, err
		}
		v.readLine(bytes.TrimSuffix(text, []byte{'\n'}))
	}
}

// skipLine reads the rest of a line.
func skipLine(r *bufio.Reader) error {
	for {
		_, err := r.ReadSlice('\n')
		switch {
		case err == nil, errors.Is(err, io.EOF):
			return nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return err
		}
	}
}

// readLine verifies a line of a file.
func (v *Verifier) readLine(text []byte) {
	if v.line == 1 {
		content, signature, ok := cutSigned(text, headerPrefix)
		if !ok {
			v.report(Problem{Kind: Malformed, Reason: "the first line is no header of an audit trail"})
			return
		}
		v.header(content, signature)
		return
	}
	if content, signature, ok := cutSigned(text, headPrefix); ok {
		v.Head(content, signature)
		return
	}
	hash, content, ok := cutRow(text)
	if !ok {
		v.unreadable("the line has not the form of a row")
		return
	}
	v.Row(string(hash), content)
}

// cutSigned cuts a line into a signed statement and its signature.
func cutSigned(text []byte, prefix string) (content, signature []byte, ok bool) {
	rest, ok1 := bytes.CutPrefix(text, []byte(prefix))
	rest, ok2 := bytes.CutSuffix(rest, []byte(signatureEnd))
	i := bytes.LastIndex(rest, []byte(signatureMember))
	if !ok1 || !ok2 || i < 0 {
		return nil, nil, false
	}
	encoded := rest[i+len(signatureMember):]
	signature, err := base64.StdEncoding.Strict().DecodeString(string(encoded))
	return rest[:i], signature, err == nil && !bytes.ContainsAny(encoded, "\r\n")
}

// cutRow cuts a line into the hash and the canonical JSON of a row.
func cutRow(text []byte) (hash, content []byte, ok bool) {
	rest, ok1 := bytes.CutPrefix(text, []byte(rowPrefix))
	rest, ok2 := bytes.CutSuffix(rest, []byte(rowEnd))
	if !ok1 || !ok2 || len(rest) < len(Genesis) {
		return nil, nil, false
	}
	content, ok = bytes.CutPrefix(rest[len(Genesis):], []byte(rowMember))
	return rest[:len(Genesis)], content, ok
}

// header verifies the header of a file.
func (v *Verifier) header(content, signature []byte) {
	s, err := open(content, signature, v.keys)
	switch {
	case s == nil || s.Type != typeExport || s.First < 1 || len(s.Previous) != len(Genesis):
		v.report(Problem{Kind: Malformed, Reason: "the first line is no header of an audit trail"})
		return
	case s.Format != Format:
		v.report(Problem{Kind: Malformed, Reason: fmt.Sprintf("the file has the format %d; this program knows %d", s.Format, Format)})
		return
	case err != nil:
		v.report(Problem{Kind: Unsigned, Reason: "header: " + err.Error()})
	default:
		v.signed(s)
	}
	v.Begin(Tip{s.First - 1, s.Previous})
	v.want = &Tip{s.Rows, s.Hash}
}

// end completes the verification of a file.
func (v *Verifier) end() *Result {
	if v.want == nil && v.IsWhole() {
		v.report(Problem{Kind: Malformed, Reason: "the file is empty"})
	}
	return v.Finish()
}
