package settings

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"go.yaml.in/yaml/v3"

	"offlinestore/safeyaml"
)

// MaxYAML is the largest text that ParseYAML accepts, in bytes.
const MaxYAML = maxFile

// maxNesting bounds the depth of groups in a text of the original.
const maxNesting = 8

// originalRegistry is the original's default of proxy.oci-registry.domain. Nobody inside reaches it.
const originalRegistry = "registry.jujucharms.com"

// Omission is a setting of the original that has no meaning here.
type Omission struct {
	Name string
	// Why is the reason, a sentence without a capital or a full stop.
	Why string
}

// ExportYAML returns all settings that have a value, secrets included, sorted by name. The same settings make the same bytes.
func (s *Settings) ExportYAML() ([]byte, error) {
	if len(s.values) == 0 {
		return []byte("{}\n"), nil
	}
	text, err := yaml.Marshal(s.values)
	if err != nil {
		return nil, fmt.Errorf("encode settings: %w", err)
	}
	return text, nil
}

// ParseYAML parses a text of ExportYAML or of the original. The original's text may have settings without a meaning here, which are
// left out and listed, and lists, groups, and True for true. For a setting that neither has, it returns an *UnknownKeyError, for a
// wrong value a *ValueError.
func ParseYAML(text []byte) (values map[string]string, ignored []Omission, err error) {
	if len(text) > MaxYAML {
		return nil, nil, fmt.Errorf("read YAML: larger than %d bytes", MaxYAML)
	}
	root, err := document(text)
	if err != nil {
		return nil, nil, fmt.Errorf("read YAML: %w", err)
	}
	p := yamlReader{values: map[string]string{}, ignored: map[string]string{}}
	if root != nil {
		if err := p.group("", root, 0); err != nil {
			return nil, nil, fmt.Errorf("read YAML: %w", err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.ignored)) {
		ignored = append(ignored, Omission{name, p.ignored[name]})
	}
	return p.values, ignored, nil
}

// document returns the only document of a text, or nil if that is empty.
func document(text []byte) (*yaml.Node, error) {
	doc, _, err := safeyaml.ParseOne(text, safeyaml.Options{MaxSize: MaxYAML, Keep: true})
	if doc == nil || err != nil {
		return nil, err
	}
	root := doc.Content[0]
	if root.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("line %d: not a list of lines like %s: VALUE", root.Line, Domain)
	}
	return root, nil
}

// yamlReader holds the settings read so far.
type yamlReader struct{ values, ignored map[string]string }

// group reads settings whose names begin with prefix.
func (p yamlReader) group(prefix string, node *yaml.Node, depth int) error {
	if depth > maxNesting {
		return fmt.Errorf("line %d: nested too deep", node.Line)
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		name, value := node.Content[i], node.Content[i+1]
		if name.Kind != yaml.ScalarNode || name.ShortTag() != "!!str" {
			return fmt.Errorf("line %d: not a line like %s: VALUE", name.Line, Domain)
		}
		if value.Kind == yaml.MappingNode && len(value.Content) > 0 {
			if err := p.group(prefix+name.Value+".", value, depth+1); err != nil {
				return err
			}
			continue
		}
		if err := p.pair(prefix+name.Value, value); err != nil {
			return fmt.Errorf("line %d: %w", name.Line, err)
		}
	}
	return nil
}

func (p yamlReader) pair(name string, node *yaml.Node) error {
	if why, ok := Obsolete()[name]; ok {
		p.ignored[name] = why
		return nil
	}
	k, err := Lookup(name)
	if err != nil {
		return err
	}
	if _, ok := p.values[name]; ok {
		return fmt.Errorf("%s is set a second time", name)
	}
	value, err := k.text(node)
	switch {
	case err != nil:
		return &ValueError{name, err}
	case value == "":
		return nil
	case name == RegistryDomain && value == originalRegistry:
		p.ignored[name] = originalRegistry + " can't be reached from inside"
		return nil
	}
	if err := k.validate(value); err != nil {
		return err
	}
	p.values[name] = value
	return nil
}

// text returns the value of a node, or "" for none.
func (k Key) text(node *yaml.Node) (string, error) {
	switch {
	case node.Kind == yaml.SequenceNode:
		return k.list(node)
	case node.Kind != yaml.ScalarNode:
		return "", errors.New("not a plain value")
	case node.ShortTag() == "!!null":
		return "", nil
	case !plain(node):
		return "", errors.New("not a plain value")
	}
	return k.canonical(node.Value), nil
}

func (k Key) list(node *yaml.Node) (string, error) {
	if k.Kind != KindURLList && k.Kind != KindEmailList {
		return "", errors.New("a list, want one value")
	}
	var texts []string
	for _, e := range node.Content {
		if e.Kind != yaml.ScalarNode || !plain(e) {
			return "", errors.New("a list of other things than texts")
		}
		texts = append(texts, e.Value)
	}
	return FormatList(texts), nil
}

// plain reports whether a scalar stands for its text as written.
func plain(node *yaml.Node) bool {
	return slices.Contains([]string{"!!str", "!!int", "!!bool", "!!float", "!!timestamp"}, node.ShortTag())
}
