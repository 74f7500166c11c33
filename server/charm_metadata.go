package server

import (
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"offlinestore/charm"
	"offlinestore/safeyaml"
)

// charmMetadata holds the parts of a charm's metadata.yaml that answers need. Endpoints and interfaces are in lower case.
type charmMetadata struct {
	resources          []string
	provides, requires []string
}

// maxEndpoints bounds how many endpoints of a charm a search can find.
const maxEndpoints = 500

// readMetadata reads the parts that are readable. The charm itself is served in any case.
func readMetadata(text string) charmMetadata {
	m, err := charm.ParseMetadata(text)
	if err != nil {
		return charmMetadata{}
	}
	out := charmMetadata{resources: slices.Sorted(maps.Keys(m.Resources))}
	var of struct{ Provides, Requires map[string]yaml.Node }
	if _, err := safeyaml.Decode([]byte(text), safeyaml.Options{MaxSize: charm.MaxYAMLSize}, &of); err == nil {
		out.provides, out.requires = endpoints(of.Provides), endpoints(of.Requires)
	}
	return out
}

// endpoints lists the names of endpoints and of their interfaces.
func endpoints(of map[string]yaml.Node) []string {
	var out []string
	names := slices.Sorted(maps.Keys(of))
	for _, name := range names[:min(len(names), maxEndpoints)] {
		n := of[name]
		// The short form "db: postgresql" is as valid as the form with the interface in a mapping.
		var long struct{ Interface string }
		var short string
		switch {
		case n.Kind == yaml.ScalarNode && n.Decode(&short) == nil:
			out = append(out, short)
		case n.Kind == yaml.MappingNode && n.Decode(&long) == nil:
			out = append(out, long.Interface)
		}
		out = append(out, name)
	}
	for i := range out {
		out[i] = strings.ToLower(out[i])
	}
	slices.Sort(out)
	return slices.Compact(out)
}
