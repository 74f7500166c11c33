package wanted

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"offlinestore/nearest"
)

// maxShown bounds the characters of a value in a message.
const maxShown = 60

// decoder decodes the nodes of a text, and collects the problems. Every problem has the place of its node.
type decoder struct {
	problems []Problem
	more     int
}

func (d *decoder) problem(n *yaml.Node, format string, args ...any) {
	d.problemAt(n.Line, n.Column, format, args...)
}

func (d *decoder) problemAt(line, column int, format string, args ...any) {
	if len(d.problems) == maxProblems {
		d.more++
		return
	}
	d.problems = append(d.problems, Problem{line, column, fmt.Sprintf(format, args...)})
}

// shorthand is implemented by entries that a single text can stand for.
type shorthand interface{ setText(text string) error }

// decode decodes a node into a value of a type of this package. Texts must pass the check of their field.
func (d *decoder) decode(n *yaml.Node, v reflect.Value, check string) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if r, ok := v.Addr().Interface().(*Resource); ok {
		d.resource(n, r)
		return
	}
	if images, ok := v.Addr().Interface().(*Images); ok && check == "list" && n.Kind != yaml.MappingNode {
		images.Position = Position{n.Line, n.Column}
		d.list(n, reflect.ValueOf(&images.List).Elem(), "")
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.decode(n, v.Elem(), check)
	case reflect.Struct:
		d.structure(n, v)
	case reflect.Slice:
		d.list(n, v, check)
	case reflect.Map:
		d.mapping(n, v)
	default:
		d.scalar(n, v, check)
	}
}

func (d *decoder) list(n *yaml.Node, v reflect.Value, check string) {
	switch {
	case isNull(n):
		return
	case n.Kind != yaml.SequenceNode:
		d.problem(n, "want a list, such as '[…]' or lines that begin with '- ', not %s", describe(n))
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, c := range n.Content {
		d.decode(c, v.Index(i), check)
	}
}

func (d *decoder) mapping(n *yaml.Node, v reflect.Value) {
	if n.Kind != yaml.MappingNode {
		d.problem(n, "want a mapping of names to values, not %s", describe(n))
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	for key, value := range d.pairs(n) {
		if err := checks["resource"](key.Value); err != nil {
			d.problem(key, "%v", err)
			continue
		}
		e := reflect.New(v.Type().Elem()).Elem()
		d.decode(value, e, "")
		v.SetMapIndex(reflect.ValueOf(key.Value), e)
	}
}

// pairs yields the keys of a mapping with their values. A repeated key is a problem.
func (d *decoder) pairs(n *yaml.Node) func(func(key, value *yaml.Node) bool) {
	return func(yield func(key, value *yaml.Node) bool) {
		lines := make(map[string]int)
		for i := 0; i+1 < len(n.Content); i += 2 {
			key, value := n.Content[i], n.Content[i+1]
			switch {
			case key.Kind != yaml.ScalarNode:
				d.problem(key, "want a name before the colon, not %s", describe(key))
			case lines[key.Value] > 0:
				d.problem(key, "%.*q is in line %d already", maxShown, key.Value, lines[key.Value])
			default:
				lines[key.Value] = key.Line
				if !yield(key, value) {
					return
				}
			}
		}
	}
}

func (d *decoder) structure(n *yaml.Node, v reflect.Value) {
	if p := v.FieldByName("Position"); p.IsValid() {
		p.Set(reflect.ValueOf(Position{n.Line, n.Column}))
	}
	if n.Kind != yaml.MappingNode {
		d.short(n, v)
		return
	}
	fields := fieldsOf(v.Type())
	given := make(map[string]bool)
	for key, value := range d.pairs(n) {
		i, ok := fields[key.Value]
		if !ok {
			d.unknown(key, v.Type())
			continue
		}
		given[key.Value] = true
		d.decode(value, v.Field(i), v.Type().Field(i).Tag.Get("check"))
	}
	for i := range v.NumField() {
		if need := v.Type().Field(i).Tag.Get("need"); need != "" && !given[need] {
			d.problem(n, "it lacks the key %q", need)
		}
	}
}

// short decodes a text that stands for an entry.
func (d *decoder) short(n *yaml.Node, v reflect.Value) {
	s, ok := v.Addr().Interface().(shorthand)
	switch {
	case ok && n.Kind == yaml.ScalarNode && n.ShortTag() == "!!str":
		if err := s.setText(n.Value); err != nil {
			d.problem(n, "%v", err)
		}
	case ok:
		d.problem(n, "want a text, or a mapping with the keys %s, not %s", strings.Join(names(v.Type()), ", "), describe(n))
	default:
		d.problem(n, "want a mapping with the keys %s, not %s", strings.Join(names(v.Type()), ", "), describe(n))
	}
}

func (d *decoder) unknown(key *yaml.Node, t reflect.Type) {
	known := names(t)
	if meant := nearest.Word(key.Value, known); meant != "" {
		d.problem(key, "unknown key %.*q: did you mean %q?", maxShown, key.Value, meant)
		return
	}
	d.problem(key, "unknown key %.*q: want one of %s", maxShown, key.Value, strings.Join(known, ", "))
}

func (d *decoder) scalar(n *yaml.Node, v reflect.Value, check string) {
	tag := n.ShortTag()
	switch {
	case n.Kind != yaml.ScalarNode:
		d.problem(n, "want a single value, not %s", describe(n))
	case v.Kind() == reflect.String && tag != "!!str":
		d.problem(n, "want a text, not %s: put it in quotes", describe(n))
	case v.Kind() == reflect.String:
		if err := checkText(check, n.Value); err != nil {
			d.problem(n, "%v", err)
		}
		v.SetString(n.Value)
	case v.Kind() == reflect.Bool:
		var b bool
		if tag != "!!bool" || n.Decode(&b) != nil {
			d.problem(n, "want true or false, not %s", describe(n))
		}
		v.SetBool(b)
	default:
		i, err := strconv.Atoi(n.Value)
		if tag != "!!int" || err != nil || i < 1 || i > maxNumber {
			d.problem(n, "want a number from 1 to %d, not %s", maxNumber, describe(n))
		}
		v.SetInt(int64(i))
	}
}

// resource decodes a revision, or the name of an image.
func (d *decoder) resource(n *yaml.Node, r *Resource) {
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!str" {
		if err := checkText("image", n.Value); err != nil {
			d.problem(n, "%v", err)
		}
		r.Image = n.Value
		return
	}
	if i, err := strconv.Atoi(n.Value); n.Kind == yaml.ScalarNode && n.ShortTag() == "!!int" && err == nil && i >= 1 && i <= maxNumber {
		r.Revision = i
		return
	}
	d.problem(n, "want the revision of the resource, or the name of its image, not %s", describe(n))
}

// fieldsOf maps the keys of a struct to its fields.
func fieldsOf(t reflect.Type) map[string]int {
	out := make(map[string]int)
	for i := range t.NumField() {
		if name, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ","); name != "" && name != "-" {
			out[name] = i
		}
	}
	return out
}

// names returns the keys of a struct in their order.
func names(t reflect.Type) []string {
	fields := fieldsOf(t)
	out := make([]string, 0, len(fields))
	for name := range fields {
		out = append(out, name)
	}
	slices.SortFunc(out, func(a, b string) int { return fields[a] - fields[b] })
	return out
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// describe names the content of a node for a message.
func describe(n *yaml.Node) string {
	switch {
	case isNull(n):
		return "nothing"
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	}
	return fmt.Sprintf("%.*q", maxShown, n.Value)
}
