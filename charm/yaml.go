package charm

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"go.yaml.in/yaml/v3"
)

// Limits of a YAML text. The largest config.yaml of Charmhub has some thousand nodes.
const (
	maxYAMLTokens = 1 << 17 // before parsing: possible beginnings of nodes
	maxYAMLNodes  = 1 << 18 // after all aliases are resolved
	maxYAMLDepth  = 100
	maxDocuments  = 64
	maxYAMLKeys   = 2000 // of a mapping: the decoder compares each key with each other
	maxYAMLRepeat = 8    // in the list of repeated keys
)

var (
	errYAMLNodes   = errors.New("too many values, counting those that aliases repeat")
	errYAMLDepth   = errors.New("nested too deeply")
	errYAMLCycle   = errors.New("an alias to what contains it")
	errYAMLKeys    = fmt.Errorf("a mapping of more than %d keys", maxYAMLKeys)
	errYAMLTrailer = errors.New("more than one document")
)

// decodeYAML decodes a text of one document into out. An empty text leaves out unchanged. It returns the repeated keys.
func decodeYAML(text []byte, limit int, out any) (repeated []string, err error) {
	docs, repeated, err := ParseYAML(text, limit)
	if err != nil || len(docs) == 0 {
		return repeated, err
	}
	if len(docs) > 1 {
		return repeated, errYAMLTrailer
	}
	return repeated, decodeNode(docs[0], out)
}

// ParseYAML parses the documents of a text, without empty ones. It limits the text, and the number of nodes after the aliases are
// resolved, before anything is decoded: the parser's own guard only works while it decodes. Of a key that a mapping repeats, the last value
// counts, as in Juju. The list names some of these keys.
func ParseYAML(text []byte, limit int) (docs []*yaml.Node, repeated []string, err error) {
	w := newWalker()
	docs, err = w.parse(text, limit)
	return docs, w.repeated, err
}

func (w *walker) parse(text []byte, limit int) ([]*yaml.Node, error) {
	if len(text) > limit {
		return nil, fmt.Errorf("%d bytes are over the limit of %d", len(text), limit)
	}
	// The parser uses some hundred bytes for each node, so a text of commas would need a hundred times its size.
	if countTokens(text) > maxYAMLTokens {
		return nil, errYAMLNodes
	}
	d := yaml.NewDecoder(bytes.NewReader(text))
	var docs []*yaml.Node
	for range maxDocuments {
		var doc yaml.Node
		err := d.Decode(&doc)
		if errors.Is(err, io.EOF) {
			return docs, nil
		}
		if err != nil {
			return nil, err
		}
		if _, err := w.measure(&doc, 0); err != nil {
			return nil, err
		}
		if !isNull(&doc) {
			docs = append(docs, &doc)
		}
	}
	return nil, fmt.Errorf("more than %d documents", maxDocuments)
}

// decodeNode decodes n into out. It shortens the error about a wrong type, which would have many lines.
func decodeNode(n *yaml.Node, out any) error {
	err := n.Decode(out)
	var te *yaml.TypeError
	if errors.As(err, &te) && len(te.Errors) > 0 {
		return fmt.Errorf("%.200s", te.Errors[0])
	}
	return err
}

func isNull(doc *yaml.Node) bool {
	if doc.Kind == yaml.DocumentNode && len(doc.Content) == 1 {
		doc = doc.Content[0]
	}
	return doc.Kind == 0 || doc.Kind == yaml.ScalarNode && doc.ShortTag() == "!!null"
}

// countTokens returns an upper bound of the number of nodes: the number of lines, and of nodes that are not the first of their
// line.
func countTokens(text []byte) int {
	n := 0
	for i, c := range text {
		switch c {
		case '\n', ',', '[', '{':
			n++
		case '-', '?', ':':
			if i+1 < len(text) && (text[i+1] == ' ' || text[i+1] == '\t') {
				n++
			}
		}
	}
	return n
}

// walker measures trees of nodes with their aliases resolved, each shared part once, and removes repeated keys.
type walker struct {
	seen map[*yaml.Node]extent
	// repeated are some of the keys that a mapping repeats, with their lines.
	repeated []string
	// anyKeys allows mappings with any number of keys, because nothing will decode them.
	anyKeys bool
}

func newWalker() *walker { return &walker{seen: make(map[*yaml.Node]extent)} }

// extent is the number of nodes that a node unfolds to, and the number of their levels. It is zero while the node is being
// measured.
type extent struct{ nodes, levels int }

func (w *walker) measure(n *yaml.Node, depth int) (extent, error) {
	if depth > maxYAMLDepth {
		return extent{}, errYAMLDepth
	}
	if n.Kind == yaml.AliasNode {
		return w.measure(n.Alias, depth+1)
	}
	if len(n.Content) == 0 {
		return extent{1, 1}, nil
	}
	if e, ok := w.seen[n]; ok {
		if e.nodes == 0 {
			return e, errYAMLCycle
		}
		return e, nil
	}
	if n.Kind == yaml.MappingNode {
		if err := w.keys(n); err != nil {
			return extent{}, err
		}
	}
	w.seen[n] = extent{}
	total := extent{1, 1}
	for _, c := range n.Content {
		e, err := w.measure(c, depth+1)
		if err != nil {
			return e, err
		}
		total.nodes += e.nodes
		total.levels = max(total.levels, e.levels+1)
		if total.nodes > maxYAMLNodes {
			return total, errYAMLNodes
		}
		if total.levels > maxYAMLDepth {
			return total, errYAMLDepth
		}
	}
	w.seen[n] = total
	return total, nil
}

// keys removes all but the last of repeated keys from a mapping. The decoder would refuse them.
func (w *walker) keys(n *yaml.Node) error {
	if len(n.Content) > 2*maxYAMLKeys && !w.anyKeys {
		return errYAMLKeys
	}
	last := make(map[string]int, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		if k := n.Content[i]; k.Kind == yaml.ScalarNode {
			if _, ok := last[k.Value]; ok && len(w.repeated) < maxYAMLRepeat {
				w.repeated = append(w.repeated, fmt.Sprintf("%.60q in line %d", k.Value, k.Line))
			}
			last[k.Value] = i
		}
	}
	if len(last) == len(n.Content)/2 {
		return nil
	}
	kept := n.Content[:0]
	for i := 0; i+1 < len(n.Content); i += 2 {
		if k := n.Content[i]; k.Kind != yaml.ScalarNode || last[k.Value] == i {
			kept = append(kept, n.Content[i], n.Content[i+1])
		}
	}
	n.Content = kept
	return nil
}
