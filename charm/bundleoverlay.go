package charm

import (
	"fmt"
	"maps"
	"slices"

	"go.yaml.in/yaml/v3"

	"offlinestore/safeyaml"
)

// ParseBundle parses a bundle.yaml, or a list of applications in the same form, and any number of overlays, as in juju deploy --overlay. It
// ignores fields that a store does not need. Documents after the first are overlays: their values replace the earlier values of an
// application, and a null removes it.
func ParseBundle(text []byte, overlays ...[]byte) (*BundleFile, error) {
	b, err := parseBundle(slices.Concat([][]byte{text}, overlays))
	if err != nil {
		return nil, fmt.Errorf("parse %s: %w", bundleFile, err)
	}
	return b, nil
}

func parseBundle(texts [][]byte) (*BundleFile, error) {
	var all yamlBundle
	var repeated []string
	documents := 0
	apps := make(map[string]*yamlApplication)
	for i, text := range texts {
		docs, again, err := safeyaml.Parse(text, safeyaml.Options{MaxSize: MaxYAMLSize})
		for _, doc := range docs {
			if err == nil {
				err = all.mergeDocument(doc, documents == 0, apps)
				documents++
			}
		}
		if i > 0 && err != nil {
			err = fmt.Errorf("overlay %d: %w", i, err)
		}
		if err != nil {
			return nil, err
		}
		repeated = append(repeated, again...)
	}
	switch {
	case len(apps) == 0:
		return nil, errNoApplications
	case len(apps) > maxApplications:
		return nil, fmt.Errorf("%d applications are over the limit of %d", len(apps), maxApplications)
	case documents > safeyaml.MaxDocuments:
		return nil, fmt.Errorf("more than %d documents", safeyaml.MaxDocuments)
	}
	b, err := all.build(apps)
	if b != nil {
		b.Repeated = repeated
	}
	return b, err
}

// mergeDocument merges a document over all, which has the earlier ones.
func (all *yamlBundle) mergeDocument(doc *yaml.Node, first bool, apps map[string]*yamlApplication) error {
	var y yamlBundle
	if err := safeyaml.DecodeNode(doc, &y); err != nil {
		return err
	}
	if first {
		*all = y
	}
	return y.overlay(all, apps)
}

// overlay merges y over the earlier documents.
func (y *yamlBundle) overlay(all *yamlBundle, apps map[string]*yamlApplication) error {
	if y.Series != "" {
		all.Series = y.Series
	}
	if y.DefaultBase != "" {
		all.DefaultBase = y.DefaultBase
	}
	if len(y.Machines) > 0 {
		all.Machines = y.Machines // as in Juju, they replace all earlier ones
	}
	said := y.Applications
	if len(said) == 0 {
		said = y.Services
	}
	for name, node := range said {
		if len(name) > maxValue || name == "" {
			return fmt.Errorf("application %.60q: want a shorter name, and not none", name)
		}
		node = followed(node)
		if safeyaml.IsNull(&node) {
			delete(apps, name)
			continue
		}
		app := apps[name]
		if app == nil {
			app = &yamlApplication{}
			apps[name] = app
		}
		before := app.Resources
		app.Resources = nil
		// Decoding keeps the values of fields that the overlay doesn't mention.
		if err := safeyaml.DecodeNode(&node, app); err != nil {
			return fmt.Errorf("application %.60s: %w", name, err)
		}
		if len(app.Resources) > 0 || !hasKey(&node, "resources") {
			app.Resources = merged(before, app.Resources) // an empty mapping clears the earlier one
		}
	}
	return nil
}

// merged returns before with the values of after merged over it. A null removes a value.
func merged(before, after map[string]yaml.Node) map[string]yaml.Node {
	out := make(map[string]yaml.Node, len(before)+len(after))
	maps.Copy(out, before)
	for name, n := range after {
		if n := followed(n); safeyaml.IsNull(&n) {
			delete(out, name)
		} else {
			out[name] = n
		}
	}
	return out
}

// followed returns n, or its target if n is an alias.
func followed(n yaml.Node) yaml.Node {
	if n.Kind == yaml.AliasNode {
		return *n.Alias
	}
	return n
}

// hasKey reports whether a mapping has a key.
func hasKey(n *yaml.Node, key string) bool {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Kind == yaml.MappingNode
		}
	}
	return false
}
