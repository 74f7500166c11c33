package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// maxInteger is the largest integer that every reader of JSON knows exactly.
const maxInteger = 1<<53 - 1

// canonical returns v as canonical JSON, by RFC 8785. A number that not every reader would read exactly becomes a text, and so does a zero
// character another one, since PostgreSQL cannot hold it.
func canonical(v any) ([]byte, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	if needsCare(text) {
		if text, err = portable(text); err != nil {
			return nil, err
		}
	}
	out := jsontext.Value(text)
	if err := out.Canonicalize(); err != nil {
		return nil, err
	}
	return out, nil
}

// needsCare reports whether a text may have a number or a character that portable changes.
func needsCare(text []byte) bool {
	quoted, digits := false, 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			quoted, digits = !quoted, 0
		case c == '\\':
			i++ // nothing but a quote matters
		case quoted:
		case c == '.' || c == '-' && digits > 0 || digits >= 15:
			return true
		case c >= '0' && c <= '9':
			digits++
		case c == 'e' && digits > 0 || c == 'E':
			return true
		default:
			digits = 0
		}
	}
	return bytes.Contains(text, []byte(`\u0000`))
}

// portable replaces the numbers and the characters that are not the same everywhere.
func portable(text []byte) ([]byte, error) {
	var out bytes.Buffer
	in, enc := jsontext.NewDecoder(bytes.NewReader(text)), jsontext.NewEncoder(&out)
	for {
		tok, err := in.ReadToken()
		if errors.Is(err, io.EOF) {
			return out.Bytes(), nil
		}
		if err != nil {
			return nil, err
		}
		switch tok.Kind() {
		case jsontext.KindNumber:
			if n, err := strconv.ParseInt(tok.String(), 10, 64); err != nil || n > maxInteger || n < -maxInteger {
				tok = jsontext.String(tok.String())
			}
		case jsontext.KindString:
			tok = jsontext.String(strings.ReplaceAll(tok.String(), "\x00", "\uFFFD"))
		}
		if err := enc.WriteToken(tok); err != nil {
			return nil, err
		}
	}
}

// errNotCanonical reports JSON that has another form than the canonical one.
var errNotCanonical = errors.New("the JSON is not canonical")

// decodeCanonical decodes text into v. It refuses every other form than the canonical one, and members that v does not have.
func decodeCanonical(text []byte, v any) error {
	form := jsontext.Value(bytes.Clone(text))
	if err := form.Canonicalize(); err != nil {
		return err
	}
	if !bytes.Equal(form, text) {
		return errNotCanonical
	}
	return jsonv2.Unmarshal(text, v, jsonv2.RejectUnknownMembers(true))
}

// decodeRow decodes the canonical JSON of a row.
func decodeRow(content []byte) (*Row, error) {
	if len(content) > MaxRow {
		return nil, fmt.Errorf("%d bytes, at most %d are a row", len(content), MaxRow)
	}
	var r Row
	if err := decodeCanonical(content, &r); err != nil {
		return nil, err
	}
	if r.Number < 1 || len(r.Previous) != len(Genesis) || r.What == "" {
		return nil, errors.New("it lacks a number, the hash of the row before, or the act")
	}
	return &r, nil
}
