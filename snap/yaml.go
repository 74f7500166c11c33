package snap

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"offlinestore/safeyaml"
)

// Meta holds the parts of snap.yaml that a store needs.
type Meta struct {
	Contents
	Name, Version, Type string
	// Provenance names the builder of the snap if it is not the global store.
	Provenance    string
	Architectures []string
	// Repeated are some of the keys that a mapping repeats, with their lines. snapd overlooks that.
	Repeated []string
}

// Contents holds the parts of snap.yaml that are asked for all the time.
type Contents struct {
	Base string `json:"base,omitempty"`
	// Providers are the default providers of the content plugs: names of snaps, sorted, each once.
	Providers []string `json:"providers,omitempty"`
	// Apps are the names of the applications, sorted.
	Apps []string `json:"apps,omitempty"`
}

// yamlMeta holds the fields of snap.yaml from which Meta is made. Plugs have several forms, so they are nodes.
type yamlMeta struct {
	Name          string               `yaml:"name"`
	Version       string               `yaml:"version"`
	Type          string               `yaml:"type"`
	Base          string               `yaml:"base"`
	Provenance    string               `yaml:"provenance"`
	Architectures yaml.Node            `yaml:"architectures"`
	Plugs         map[string]yaml.Node `yaml:"plugs"`
	Apps          map[string]yaml.Node `yaml:"apps"`
}

// contentPlug is a plug of the interface "content" in its long form.
type contentPlug struct {
	Interface string `yaml:"interface"`
	Provider  string `yaml:"default-provider"`
}

// ParseYAML parses a snap.yaml. It ignores fields that a store does not need, in any form.
func ParseYAML(text string) (*Meta, error) {
	var y yamlMeta
	repeated, err := safeyaml.Decode([]byte(text), safeyaml.Options{MaxSize: MaxYAMLSize, Unite: true}, &y)
	if err != nil {
		return nil, fmt.Errorf("parse snap.yaml: %w", err)
	}
	if err := ValidateName(y.Name); err != nil {
		return nil, fmt.Errorf("parse snap.yaml: %w", err)
	}
	if y.Base != "" && ValidateName(y.Base) != nil {
		return nil, fmt.Errorf("parse snap.yaml: base: %w", ValidateName(y.Base))
	}
	m := &Meta{Name: y.Name, Version: y.Version, Type: y.Type, Provenance: y.Provenance, Architectures: architectures(&y.Architectures), Repeated: repeated}
	m.Base = y.Base
	if m.Type == "" {
		m.Type = "app"
	}
	for name := range y.Apps {
		m.Apps = append(m.Apps, name)
	}
	slices.Sort(m.Apps)
	m.Providers = providers(y.Plugs)
	return m, nil
}

// architectures returns a list of names. The maps that snapcraft.yaml allows never occur in a snap.
func architectures(n *yaml.Node) []string {
	var list []string
	if n.Decode(&list) != nil || len(list) == 0 {
		return []string{All}
	}
	return list
}

func providers(plugs map[string]yaml.Node) []string {
	var out []string
	for name, node := range plugs {
		var p contentPlug
		if node.Kind != yaml.MappingNode || node.Decode(&p) != nil {
			continue
		}
		if p.Interface == "" {
			p.Interface = name
		}
		// Old snaps write "snap:slot".
		provider, _, _ := strings.Cut(p.Provider, ":")
		if p.Interface == "content" && ValidateName(provider) == nil {
			out = append(out, provider)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Parsed returns the contents of the snap.yaml of r, from r.Contents if they are known. It returns empty ones for a snap.yaml that
// cannot be read.
func (r *Revision) Parsed() Contents {
	if r.Contents != nil {
		return *r.Contents
	}
	if m, err := ParseYAML(r.SnapYAML); err == nil {
		return m.Contents
	}
	return Contents{}
}

// Needs returns the snaps that a device must have before it can run r, besides snapd: its base, or core for an application that
// names none, and the default providers of its content plugs.
func (r *Revision) Needs() (bases, contentProviders []string) {
	base := ""
	if r.Base != nil {
		base = *r.Base
	}
	parsed := r.Parsed()
	contentProviders = parsed.Providers
	base = cmp.Or(base, parsed.Base)
	switch {
	case base == "none":
	case base != "":
		bases = []string{base}
	case slices.Contains([]string{"app", "application", "gadget"}, r.Type):
		bases = []string{"core"}
	}
	return bases, contentProviders
}
