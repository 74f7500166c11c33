package snap

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"

	"offlinestore/safeyaml"
)

// description holds the fields of snap.yaml that the store repeats in its answers.
type description struct {
	Title       string             `yaml:"title"`
	Summary     string             `yaml:"summary"`
	Description string             `yaml:"description"`
	License     string             `yaml:"license"`
	Confinement string             `yaml:"confinement"`
	Epoch       yaml.Node          `yaml:"epoch"`
	Contact     yaml.Node          `yaml:"contact"`
	Website     yaml.Node          `yaml:"website"`
	Apps        map[string]appYAML `yaml:"apps"`
}

type appYAML struct {
	CommonID string `yaml:"common-id"`
}

// Describe returns the description of a snap as far as its snap.yaml has it. The store's numbers, the download and the publisher are
// missing.
func Describe(text string) (*Snap, error) {
	meta, err := ParseYAML(text)
	if err != nil {
		return nil, err
	}
	var d description
	if _, err := safeyaml.Decode([]byte(text), safeyaml.Options{MaxSize: MaxYAMLSize, Unite: true}, &d); err != nil {
		return nil, fmt.Errorf("parse snap.yaml: %w", err)
	}
	s := &Snap{Name: meta.Name}
	s.Title, s.Summary, s.Description = d.Title, d.Summary, d.Description
	if s.Title == "" {
		s.Title = meta.Name
	}
	s.License, s.Contact, s.Website = optional(d.License), optional(firstText(&d.Contact)), optional(firstText(&d.Website))
	s.Media, s.Prices = []Media{}, map[string]string{}
	r := &s.Revision
	r.Architectures, r.Type, r.Version, r.SnapYAML, r.Base = meta.Architectures, meta.Type, meta.Version, text, optional(meta.Base)
	r.Confinement = d.Confinement
	if r.Confinement == "" {
		r.Confinement = "strict"
	}
	if !slices.Contains([]string{"strict", "devmode", "classic"}, r.Confinement) {
		return nil, fmt.Errorf("parse snap.yaml: confinement %.40q", r.Confinement)
	}
	if err := r.Epoch.fromYAML(&d.Epoch); err != nil {
		return nil, fmt.Errorf("parse snap.yaml: %w", err)
	}
	r.CommonIDs = []string{}
	for _, a := range d.Apps {
		if a.CommonID != "" {
			r.CommonIDs = append(r.CommonIDs, a.CommonID)
		}
	}
	slices.Sort(r.CommonIDs)
	return s, nil
}

// fromYAML decodes an epoch in the forms of snap.yaml: a number, "1*", or {read, write}.
func (e *Epoch) fromYAML(n *yaml.Node) error {
	switch n.Kind {
	case 0:
		return e.parse("")
	case yaml.ScalarNode:
		return e.parse(n.Value)
	}
	var lists struct {
		Read  []uint32 `yaml:"read"`
		Write []uint32 `yaml:"write"`
	}
	if err := n.Decode(&lists); err != nil {
		return fmt.Errorf("epoch: %w", err)
	}
	// One list without the other means both.
	if lists.Read == nil {
		lists.Read = lists.Write
	}
	if lists.Write == nil {
		lists.Write = lists.Read
	}
	b, err := json.Marshal(Epoch{lists.Read, lists.Write})
	if err != nil {
		return err
	}
	return json.Unmarshal(b, e)
}

// firstText returns a text, or the first of a list of texts.
func firstText(n *yaml.Node) string {
	var list []string
	if n.Kind == yaml.ScalarNode {
		return n.Value
	}
	if n.Kind == yaml.SequenceNode && n.Decode(&list) == nil && len(list) > 0 {
		return list[0]
	}
	return ""
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// Component is the content of a component.yaml.
type Component struct {
	// Snap is the name of the snap that the component belongs to.
	Snap string
	// Resource describes the component as the store does. Its revision and download are missing.
	Resource Resource
	// Provenance names the builder of the component if it is not the global store.
	Provenance string
}

var validComponentType = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z][a-z0-9-]{0,39}$`) })

// ParseComponentYAML parses a component.yaml.
func ParseComponentYAML(text string) (*Component, error) {
	var y struct {
		Component   string `yaml:"component"`
		Type        string `yaml:"type"`
		Version     string `yaml:"version"`
		Description string `yaml:"description"`
		Provenance  string `yaml:"provenance"`
	}
	if _, err := safeyaml.Decode([]byte(text), safeyaml.Options{MaxSize: MaxYAMLSize}, &y); err != nil {
		return nil, fmt.Errorf("parse component.yaml: %w", err)
	}
	name, component, ok := strings.Cut(y.Component, "+")
	if !ok || ValidateName(name) != nil || ValidateName(component) != nil {
		return nil, fmt.Errorf("parse component.yaml: component %.80q: want the name of a snap, a plus and a name", y.Component)
	}
	if !validComponentType().MatchString(y.Type) {
		return nil, fmt.Errorf("parse component.yaml: type %.40q", y.Type)
	}
	return &Component{
		Snap: name, Provenance: y.Provenance,
		Resource: Resource{Name: component, Type: "component/" + y.Type, Version: y.Version, Description: y.Description},
	}, nil
}
