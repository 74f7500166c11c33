package strictjson

import (
	"fmt"
	"slices"
	"strings"
)

// elements stands for the elements of a list in a path.
const elements = "[]"

// node is the part of the required fields that begins with one name. A nil node requires nothing.
type node struct {
	required bool
	members  map[string]*node
}

func (r Required) tree() *node {
	root := &node{}
	for _, path := range r {
		at := root
		for _, name := range strings.Split(strings.ReplaceAll(path, elements, "."+elements), ".") {
			next := at.members[name]
			if next == nil {
				next = &node{}
				if at.members == nil {
					at.members = make(map[string]*node)
				}
				at.members[name] = next
			}
			at = next
		}
		at.required = true
	}
	return root
}

func (n *node) at(name string) *node {
	if n == nil {
		return nil
	}
	return n.members[name]
}

// count returns the number of required members.
func (n *node) count() int { return len(n.list()) }

func (n *node) list() (names []string) {
	if n == nil {
		return nil
	}
	for name, m := range n.members {
		if m.required {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func (n *node) names() string { return strings.Join(n.list(), ", ") }

// errorf returns an error about the value at the current path.
func (w *walker) errorf(format string, args ...any) error {
	text := fmt.Sprintf(format, args...)
	if len(w.path) == 0 {
		return fmt.Errorf("%s", text)
	}
	path := strings.ReplaceAll(strings.Join(w.path, "."), "."+elements, elements)
	return fmt.Errorf("%.200q: %s", path, text)
}
