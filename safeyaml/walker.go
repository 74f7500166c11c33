package safeyaml

import (
	"fmt"

	"go.yaml.in/yaml/v3"
)

// walker measures trees of nodes with their aliases resolved, each shared part once, and removes repeated keys.
type walker struct {
	Options
	seen map[*yaml.Node]extent
	// repeated are some of the keys that a mapping repeats, with their lines.
	repeated []string
}

// extent is the number of nodes that a node unfolds to, the number of their levels, and the number of keys that the decoder compares. It
// is zero while the node is being measured.
type extent struct{ nodes, levels, compared int }

func (w *walker) measure(n *yaml.Node, depth int) (extent, error) {
	if depth > maxDepth {
		return extent{}, errDepth
	}
	if n.Kind == yaml.AliasNode {
		return w.measure(n.Alias, depth+1)
	}
	if len(n.Content) == 0 {
		return extent{1, 1, 0}, nil
	}
	if e, ok := w.seen[n]; ok {
		if e.nodes == 0 {
			return e, errCycle
		}
		return e, nil
	}
	if n.Kind == yaml.MappingNode {
		if err := w.removeRepeated(n, depth == 1); err != nil {
			return extent{}, err
		}
	}
	w.seen[n] = extent{}
	total := extent{1, 1, 0}
	if n.Kind == yaml.MappingNode && !w.AnyKeys {
		total.compared = len(n.Content) / 2 * len(n.Content) / 2
	}
	for _, c := range n.Content {
		e, err := w.measure(c, depth+1)
		if err != nil {
			return e, err
		}
		total.nodes += e.nodes
		total.compared += e.compared
		if total.compared > maxCompared {
			return total, errCompared
		}
		total.levels = max(total.levels, e.levels+1)
		if total.nodes > maxNodes {
			return total, errNodes
		}
		if total.levels > maxDepth {
			return total, errDepth
		}
	}
	w.seen[n] = total
	return total, nil
}

// removeRepeated removes all but the last of repeated keys from a mapping, because the decoder would refuse them. At the top,
// mappings may be united.
func (w *walker) removeRepeated(n *yaml.Node, top bool) error {
	if w.Keep {
		return w.limitKeys(n)
	}
	last := make(map[string]int, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		if k.Kind != yaml.ScalarNode {
			continue
		}
		if j, ok := last[k.Value]; ok {
			if len(w.repeated) < maxRepeat {
				w.repeated = append(w.repeated, fmt.Sprintf("%.60q in line %d", k.Value, k.Line))
			}
			if before := n.Content[j+1]; top && w.Unite && before.Kind == yaml.MappingNode && v.Kind == yaml.MappingNode {
				before.Content = append(before.Content, v.Content...)
				n.Content[i+1] = before
			}
		}
		last[k.Value] = i
	}
	if len(last) < len(n.Content)/2 {
		kept := n.Content[:0]
		for i := 0; i+1 < len(n.Content); i += 2 {
			if k := n.Content[i]; k.Kind != yaml.ScalarNode || last[k.Value] == i {
				kept = append(kept, n.Content[i], n.Content[i+1])
			}
		}
		n.Content = kept
	}
	return w.limitKeys(n)
}

func (w *walker) limitKeys(n *yaml.Node) error {
	if len(n.Content) > 2*maxKeys && !w.AnyKeys {
		return errKeys
	}
	return nil
}
