package assertion

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxDepth is the deepest permitted nesting of lists and maps in headers. Genuine assertions stay below ten.
const maxDepth = 32

var validName = regexp.MustCompile(`^[a-z](?:-?[a-z0-9])*$`)

// headerParser parses the indented text of headers line by line.
type headerParser struct {
	lines []string
	next  int
}

func parseHeaders(head []byte) (map[string]any, error) {
	if !utf8.Valid(head) {
		return nil, errors.New("headers: not UTF-8")
	}
	p := headerParser{lines: strings.Split(string(head), "\n")}
	return p.entries(0, 0)
}

// entries parses "name: value" lines while they are indented by at least indent.
func (p *headerParser) entries(indent, depth int) (map[string]any, error) {
	m := make(map[string]any)
	prefix := strings.Repeat(" ", indent)
	for p.next < len(p.lines) {
		line, ok := strings.CutPrefix(p.lines[p.next], prefix)
		if !ok {
			break
		}
		name, after, ok := strings.Cut(line, ":")
		if !ok {
			return nil, fmt.Errorf("header line %.60q: no colon", line)
		}
		if !validName.MatchString(name) {
			return nil, fmt.Errorf("header name %.60q: not valid", name)
		}
		if _, dup := m[name]; dup {
			return nil, fmt.Errorf("header %.60q: given twice", name)
		}
		v, err := p.value(after, indent, depth)
		if err != nil {
			return nil, fmt.Errorf("header %.60q: %w", name, err)
		}
		m[name] = v
	}
	return m, nil
}

// value parses the text after a colon or a dash: the rest of the line, or the more indented lines below it.
func (p *headerParser) value(after string, indent, depth int) (any, error) {
	p.next++
	if after != "" {
		s, ok := strings.CutPrefix(after, " ")
		if !ok {
			return nil, errors.New("no space before the value")
		}
		return s, nil
	}
	if depth >= maxDepth {
		return nil, fmt.Errorf("nested deeper than %d", maxDepth)
	}
	if p.next >= len(p.lines) {
		return nil, errors.New("no value")
	}
	line, nested := strings.CutPrefix(p.lines[p.next], strings.Repeat(" ", indent+2))
	switch {
	case !nested:
		return nil, errors.New("no value")
	case strings.HasPrefix(line, "  "):
		return p.text(indent + 4), nil
	case strings.HasPrefix(line, "-"):
		return p.list(indent+2, depth+1)
	default:
		return p.entries(indent+2, depth+1)
	}
}

func (p *headerParser) text(indent int) string {
	var text []string
	prefix := strings.Repeat(" ", indent)
	for ; p.next < len(p.lines); p.next++ {
		line, ok := strings.CutPrefix(p.lines[p.next], prefix)
		if !ok {
			break
		}
		text = append(text, line)
	}
	return strings.Join(text, "\n")
}

func (p *headerParser) list(indent, depth int) ([]any, error) {
	var list []any
	prefix := strings.Repeat(" ", indent) + "-"
	for p.next < len(p.lines) {
		after, ok := strings.CutPrefix(p.lines[p.next], prefix)
		if !ok {
			break
		}
		v, err := p.value(after, indent, depth)
		if err != nil {
			return nil, fmt.Errorf("list item %d: %w", len(list)+1, err)
		}
		list = append(list, v)
	}
	return list, nil
}

// appendValue appends a value after its "name:" or "-", in the one form that snapd writes. So an assertion signed here differs
// from one signed by snapd only in the signature.
func appendValue(b []byte, v any, indent, depth int) ([]byte, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("nested deeper than %d", maxDepth)
	}
	nested := "\n" + strings.Repeat(" ", indent+2)
	switch v := v.(type) {
	case string:
		if !strings.Contains(v, "\n") {
			return append(append(b, ' '), v...), nil
		}
		for line := range strings.SplitSeq(v, "\n") {
			b = append(append(append(b, nested...), "  "...), line...)
		}
		return b, nil
	case []string:
		list := make([]any, len(v))
		for i, s := range v {
			list[i] = s
		}
		return appendValue(b, list, indent, depth)
	case []any:
		return appendList(b, v, nested, indent, depth)
	case map[string]any:
		return appendMap(b, v, nested, indent, depth)
	}
	return nil, fmt.Errorf("a %T can't be a header's value", v)
}

func appendList(b []byte, list []any, nested string, indent, depth int) ([]byte, error) {
	if len(list) == 0 {
		return nil, errors.New("an empty list can't be written")
	}
	for i, item := range list {
		var err error
		if b, err = appendValue(append(append(b, nested...), '-'), item, indent+2, depth+1); err != nil {
			return nil, fmt.Errorf("list item %d: %w", i+1, err)
		}
	}
	return b, nil
}

func appendMap(b []byte, m map[string]any, nested string, indent, depth int) ([]byte, error) {
	if len(m) == 0 {
		return nil, errors.New("an empty map can't be written")
	}
	for _, k := range slices.Sorted(maps.Keys(m)) {
		var err error
		if b, err = appendValue(append(append(append(b, nested...), k...), ':'), m[k], indent+2, depth+1); err != nil {
			return nil, fmt.Errorf("%q: %w", k, err)
		}
	}
	return b, nil
}
