package wanted

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"

	"go.yaml.in/yaml/v3"

	"offlinestore/catalog"
	"offlinestore/charm"
	"offlinestore/snap"
	"offlinestore/wanted"
)

// Followed is everything that a store follows, as a wanted.yaml for the exporter.
type Followed struct {
	Snaps          []wanted.Snap        `yaml:"snaps,omitempty"`
	Charms         []wanted.Charm       `yaml:"charms,omitempty"`
	Bundles        []wanted.CharmBundle `yaml:"bundles,omitempty"`
	Images         []wanted.Image       `yaml:"images,omitempty"`
	ValidationSets []string             `yaml:"validation-sets,omitempty"`
	Models         []wanted.Model       `yaml:"models,omitempty"`
	Stores         []string             `yaml:"stores,omitempty"`

	// remarks become comments.
	remarks []string
}

// Follow returns everything that the store of a catalogue follows: each snap and charm with the channels that imports have filled, the
// validation sets, the models and the store of the brand.
func Follow(cat *catalog.Snapshot) *Followed {
	f := &Followed{}
	for i := range cat.Snaps {
		f.addSnap(&cat.Snaps[i])
	}
	for i := range cat.Charms {
		f.addCharm(&cat.Charms[i])
	}
	for i := range cat.Repositories {
		f.addRepository(&cat.Repositories[i])
	}
	f.addAssertions(cat.Assertions)
	parents := make(map[string]bool)
	for _, s := range cat.Stores {
		parents[s.Parent] = true
	}
	for _, s := range cat.Stores {
		switch {
		case s.Name == "" || parents[s.ID]: // a parent comes with the store below it
		case len(f.Stores) == 0:
			f.Stores = append(f.Stores, s.ID)
		default:
			f.remark("the store %s goes into a file of its own, since a bundle has one", s.ID)
		}
	}
	return f
}

func (f *Followed) remark(format string, args ...any) {
	f.remarks = append(f.remarks, fmt.Sprintf(format, args...))
}

// addSnap adds the channels of a snap. Rows that an exporter has filled by hand have no time of release. They stay as they are.
func (f *Followed) addSnap(s *catalog.Snap) {
	if s.Store != "" {
		f.remark("the snap %s is private to the store %s, and comes with it", s.Name, s.Store)
		return
	}
	places := make(map[string][]string)
	var channels []string
	for _, r := range s.FromBundles() {
		switch {
		case r.Revision == 0:
		case r.ReleasedAt == "":
			f.Snaps = append(f.Snaps, wanted.Snap{Name: s.Name, Revision: r.Revision, PushChannel: r.Channel, Architectures: architecture(r.Architecture)})
		default:
			if !slices.Contains(channels, r.Channel) {
				channels = append(channels, r.Channel)
			}
			places[r.Channel] = unite(places[r.Channel], architecture(r.Architecture))
		}
	}
	for _, group := range groups(channels, places) {
		f.Snaps = append(f.Snaps, wanted.Snap{Name: s.Name, Channels: group.names, Architectures: group.values})
	}
}

// architecture returns an architecture as a list, which is empty for all of them.
func architecture(arch string) []string {
	if arch == snap.All || arch == "" {
		return nil
	}
	return []string{arch}
}

// addCharm adds the channels of a charm, or of a charm bundle.
func (f *Followed) addCharm(c *catalog.Charm) {
	bases := make(map[string]map[string][]string)
	var channels []string
	for _, r := range c.FromBundles() {
		if r.Revision == 0 {
			continue
		}
		if bases[r.Channel] == nil {
			bases[r.Channel], channels = make(map[string][]string), append(channels, r.Channel)
		}
		if r.Base != nil {
			name := r.Base.Name + "@" + r.Base.Channel
			bases[r.Channel][name] = unite(bases[r.Channel][name], []string{r.Base.Architecture})
		}
	}
	if c.Type == charm.TypeBundle {
		if len(channels) > 0 {
			f.Bundles = append(f.Bundles, wanted.CharmBundle{Name: c.Name, Channels: channels})
		}
		return
	}
	for _, ch := range channels {
		var names []string
		for name := range bases[ch] {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, group := range groups(names, bases[ch]) {
			f.Charms = append(f.Charms, wanted.Charm{Name: c.Name, Channels: []string{ch}, Bases: group.names, Architectures: group.values, Resources: mappedImages(c)})
		}
	}
}

// mappedImages returns the names that the exporter has given to images of a charm.
func mappedImages(c *catalog.Charm) map[string]wanted.Resource {
	var out map[string]wanted.Resource
	for _, r := range c.Resources {
		if r.Image == nil || r.Image.Name == "" || strings.HasSuffix(r.Image.Name, "@"+r.Image.Digest) {
			continue
		}
		if out == nil {
			out = make(map[string]wanted.Resource)
		}
		out[r.Resource.Name] = wanted.Resource{Image: r.Image.Name}
	}
	return out
}

// addAssertions adds the validation sets and the models.
func (f *Followed) addAssertions(list []catalog.Assertion) {
	newest := make(map[string]catalog.Assertion)
	for _, a := range list {
		key := a.PrimaryKey
		switch {
		case a.Type == "validation-set" && len(key) == 4:
			if name := key[1] + "/" + key[2]; !slices.Contains(f.ValidationSets, name) {
				f.ValidationSets = append(f.ValidationSets, name)
			}
		case a.Type == "model" && len(key) == 3:
			if name := key[1] + "/" + key[2]; a.Revision >= newest[name].Revision {
				newest[name] = a
			}
		}
	}
	slices.Sort(f.ValidationSets)
	for _, a := range newest {
		f.Models = append(f.Models, wanted.Model{Assertion: string(a.Raw)})
	}
	slices.SortFunc(f.Models, func(a, b wanted.Model) int { return cmp.Compare(a.Assertion, b.Assertion) })
}

// group is a list of names that have the same values.
type group struct{ names, values []string }

// groups joins the names that have the same values, in the order of their first ones.
func groups(names []string, values map[string][]string) (out []group) {
	for _, name := range names {
		i := slices.IndexFunc(out, func(g group) bool { return slices.Equal(g.values, values[name]) })
		if i < 0 {
			i, out = len(out), append(out, group{values: values[name]})
		}
		out[i].names = append(out[i].names, name)
	}
	return out
}

// unite returns the sorted elements of both lists, each once.
func unite(a, b []string) []string {
	out := slices.Concat(a, b)
	slices.Sort(out)
	return slices.Compact(out)
}

// Write writes the wanted.yaml. The items that clients asked for in vain, and the missing dependencies, become comments.
func (f *Followed) Write(w io.Writer, list []catalog.Wanted, missing []string) error {
	var b bytes.Buffer
	b.WriteString("# What this store follows, for 'store-admin export wanted.yaml'.\n")
	for _, remark := range f.remarks {
		comment(&b, remark)
	}
	if f.isEmpty() {
		comment(&b, "It has nothing that a channel holds.")
	} else {
		b.WriteString("\n")
		e := yaml.NewEncoder(&b)
		e.SetIndent(2)
		if err := e.Encode(f); err != nil {
			return err
		}
		if err := e.Close(); err != nil {
			return err
		}
	}
	if len(list) > 0 {
		b.WriteString("\n# Clients have asked for these in vain:\n")
	}
	for _, item := range list {
		comment(&b, "  "+inVain(&item))
	}
	if len(missing) > 0 {
		b.WriteString("\n# These dependencies are missing:\n")
	}
	for _, m := range missing {
		comment(&b, "  "+m)
	}
	_, err := w.Write(b.Bytes())
	return err
}

func (f *Followed) isEmpty() bool {
	return len(f.Snaps)+len(f.Charms)+len(f.Bundles)+len(f.Images)+len(f.ValidationSets)+len(f.Models)+len(f.Stores) == 0
}

// comment writes a line that no reader of YAML takes for anything else.
func comment(b *bytes.Buffer, text string) {
	b.WriteString("# ")
	b.WriteString(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, text))
	b.WriteString("\n")
}

// inVain describes an item as an entry of the file, with the number of requests for it.
func inVain(item *catalog.Wanted) string {
	kind, entry := "snap", "- {name: "+item.Name
	switch item.Kind {
	case catalog.WantedCharm:
		kind = "charm"
	case catalog.WantedSnapID, catalog.WantedCharmID:
		kind, entry = item.Kind, "- {id: "+item.Name
	}
	switch {
	case item.Revision > 0:
		entry += fmt.Sprintf(", revision: %d", item.Revision)
	case item.Channel != "":
		entry += ", channels: [" + item.Channel + "]"
	}
	if item.Architecture != "" {
		entry += ", architectures: [" + item.Architecture + "]"
	}
	often := "once"
	if item.Count > 1 {
		often = fmt.Sprintf("%d times", item.Count)
	}
	return fmt.Sprintf("%s}  # %s, %s, last on %s", entry, kind, often, item.Last.UTC().Format(time.DateOnly))
}
