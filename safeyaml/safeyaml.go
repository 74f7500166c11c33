// Package safeyaml decodes YAML from anybody. It bounds the work before any of it is done, because the library's own guards work
// only while it decodes, and its comparison of keys takes the square of their number.
package safeyaml

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Limits of a YAML text. The largest config.yaml of Charmhub has some thousand nodes.
const (
	maxTokens     = 1 << 17 // before parsing: possible beginnings of nodes
	maxNodes      = 1 << 18 // after all aliases are resolved
	maxDepth      = 100
	maxDirectives = 16
	maxKeys       = 2000 // of a mapping: the decoder compares each key with each other
	maxCompared   = 4 * maxKeys * maxKeys
	maxRepeat     = 8   // in the list of repeated keys
	maxMessage    = 200 // characters of the library's errors, which quote the text

	// MaxDocuments is the largest number of documents in a text.
	MaxDocuments = 64
)

// ErrTooLong reports a text with more values than Parse would read. Such a text can still be in order.
var ErrTooLong = errors.New("too many values")

var (
	errNodes      = errors.New("too many values, counting those that aliases repeat")
	errDepth      = errors.New("nested too deeply")
	errCycle      = errors.New("an alias to what contains it")
	errKeys       = fmt.Errorf("a mapping of more than %d keys", maxKeys)
	errCompared   = errors.New("too many keys in all mappings")
	errTrailer    = errors.New("more than one YAML document")
	errEncoding   = errors.New("not UTF-8")
	errDirectives = fmt.Errorf("more than %d directives", maxDirectives)
)

// Options bounds a text, and decides about keys that a mapping repeats.
type Options struct {
	// MaxSize is the largest text, in bytes.
	MaxSize int
	// AnyKeys allows mappings of any number of keys, for documents that nothing decodes.
	AnyKeys bool
	// Unite appends the later mapping to the earlier one if a key of the top level is repeated, as snapd does.
	Unite bool
	// Keep leaves repeated keys as they are. Without it, the last value counts, as for snapd and Juju.
	Keep bool
}

// Parse parses the documents of a text, without empty ones. It bounds the text, and the number of nodes after the aliases are
// resolved. The list has some of the keys that a mapping repeats.
func Parse(text []byte, o Options) (docs []*yaml.Node, repeated []string, err error) {
	if len(text) > o.MaxSize {
		return nil, nil, fmt.Errorf("%d bytes are over the limit of %d", len(text), o.MaxSize)
	}
	// The library also reads UTF-16, in which count would miss characters.
	if !utf8.Valid(text) {
		return nil, nil, errEncoding
	}
	// The parser uses some hundred bytes for each node, so a text of commas would need a hundred times its size.
	tokens, directives := count(text)
	switch {
	case tokens > maxTokens:
		return nil, nil, ErrTooLong
	case directives > maxDirectives:
		return nil, nil, errDirectives
	}
	w := &walker{Options: o, seen: make(map[*yaml.Node]extent)}
	d := yaml.NewDecoder(bytes.NewReader(text))
	for range MaxDocuments {
		var doc yaml.Node
		err := d.Decode(&doc)
		if errors.Is(err, io.EOF) {
			return docs, w.repeated, nil
		}
		if err != nil {
			return nil, nil, shorten(err)
		}
		if _, err := w.measure(&doc, 0); err != nil {
			return nil, nil, err
		}
		if !IsNull(&doc) {
			docs = append(docs, &doc)
		}
	}
	return nil, nil, fmt.Errorf("more than %d documents", MaxDocuments)
}

// ParseOne returns the only document of a text, or nil if the text has none.
func ParseOne(text []byte, o Options) (doc *yaml.Node, repeated []string, err error) {
	docs, repeated, err := Parse(text, o)
	switch {
	case err != nil || len(docs) == 0:
		return nil, repeated, err
	case len(docs) > 1:
		return nil, repeated, errTrailer
	}
	return docs[0], repeated, nil
}

// Decode decodes a text of one document into out. An empty text leaves out unchanged. It returns some of the repeated keys.
func Decode(text []byte, o Options, out any) (repeated []string, err error) {
	doc, repeated, err := ParseOne(text, o)
	if err != nil || doc == nil {
		return repeated, err
	}
	return repeated, DecodeNode(doc, out)
}

// DecodeStrict decodes like Decode, and refuses repeated keys and fields that out does not have.
func DecodeStrict(text []byte, limit int, out any) error {
	if doc, _, err := ParseOne(text, Options{MaxSize: limit, Keep: true}); err != nil || doc == nil {
		return err
	}
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(out); !errors.Is(err, io.EOF) {
		return shorten(err)
	}
	return nil
}

// DecodeNode decodes a node of Parse into out.
func DecodeNode(n *yaml.Node, out any) error { return shorten(n.Decode(out)) }

// shorten returns the error of the library with a bounded text. An error about a wrong type has a line for each value.
func shorten(err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	if te := (*yaml.TypeError)(nil); errors.As(err, &te) && len(te.Errors) > 0 {
		text = te.Errors[0]
	}
	if len(text) <= maxMessage && text == err.Error() {
		return err
	}
	return fmt.Errorf("%.*s", maxMessage, text)
}

// IsNull reports whether a node, or the document in it, is null or missing.
func IsNull(n *yaml.Node) bool {
	if n.Kind == yaml.DocumentNode && len(n.Content) == 1 {
		n = n.Content[0]
	}
	return n.Kind == 0 || n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null"
}

// count returns an upper bound of the number of nodes: the number of lines, and of nodes that are not the first of their line. The
// parser compares each directive with each other, so count returns their number, too.
func count(text []byte) (tokens, directives int) {
	begins := true // a line
	for i, c := range text {
		switch c {
		case ',', '[', '{':
			tokens++
		case '-', '?', ':':
			if i+1 < len(text) && (text[i+1] == ' ' || text[i+1] == '\t') {
				tokens++
			}
		case '%':
			if begins {
				directives++
			}
		}
		if begins = endsLine(text[:i+1]); begins {
			tokens++
		}
	}
	return tokens, directives
}

// endsLine reports whether text ends with a line break of YAML.
func endsLine(text []byte) bool {
	switch text[len(text)-1] {
	case '\n', '\r':
		return true
	case 0x85, 0xa8, 0xa9: // the last bytes of the rare ones
		return bytes.HasSuffix(text, []byte("\u0085")) || bytes.HasSuffix(text, []byte("\u2028")) || bytes.HasSuffix(text, []byte("\u2029"))
	}
	return false
}
