package snap

import (
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"
)

// maxRepeated bounds the list of repeated keys.
const maxRepeated = 8

// removeRepeated keeps one value of each key that a mapping repeats, because the decoder would refuse them, and returns some of these keys.
// As in snapd, the last value counts, and mappings at the top are united.
func removeRepeated(doc *yaml.Node) (repeated []string) {
	seen := make(map[*yaml.Node]bool)
	type step struct {
		*yaml.Node
		depth int
	}
	for todo := []step{{doc, 0}}; len(todo) > 0; {
		at := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[at.Node] {
			continue
		}
		seen[at.Node] = true
		if at.Kind == yaml.MappingNode {
			repeated = append(repeated, uniqueKeys(at.Node, at.depth == 1)...)
		}
		for _, child := range slices.Backward(at.Content) {
			todo = append(todo, step{child, at.depth + 1})
		}
		if at.Alias != nil {
			todo = append(todo, step{at.Alias, at.depth + 1})
		}
	}
	return repeated[:min(len(repeated), maxRepeated)]
}

// uniqueKeys removes the earlier values of repeated keys from a mapping. With unite set, a later mapping is appended to the earlier one.
func uniqueKeys(n *yaml.Node, unite bool) (repeated []string) {
	last := make(map[string]int, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		if k.Kind != yaml.ScalarNode {
			continue
		}
		if j, ok := last[k.Value]; ok {
			if len(repeated) < maxRepeated {
				repeated = append(repeated, fmt.Sprintf("%.60q in line %d", k.Value, k.Line))
			}
			if before := n.Content[j+1]; unite && before.Kind == yaml.MappingNode && v.Kind == yaml.MappingNode {
				before.Content = append(before.Content, v.Content...)
				n.Content[i+1] = before
			}
		}
		last[k.Value] = i
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
	return repeated
}
