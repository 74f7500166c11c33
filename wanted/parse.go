package wanted

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"

	"go.yaml.in/yaml/v3"

	"offlinestore/charm"
	"offlinestore/safeyaml"
)

// maxEntries bounds the snaps of a file, and its charms, since a bundle holds no more.
const maxEntries = 10_000

// jujuKeys are the keys of a bundle.yaml that an export does not need. A file with applications may have them.
var jujuKeys = []string{"bundle", "series", "default-base", "machines", "relations", "saas", "name", "description", "tags", "type", "docs", "issues",
	"source", "website", "summary", "assumes", "services", "variables"}

// Parse parses a wanted.yaml. A --from-yaml file and a bundle.yaml are valid ones, too. The error is a FileError, which names the file as path.
func Parse(path string, text []byte) (*File, error) {
	doc, _, err := safeyaml.ParseOne(text, safeyaml.Options{MaxSize: MaxSize, Keep: true})
	if err != nil {
		line, message := lineOf(err)
		return nil, &FileError{Path: path, Problems: []Problem{{line, 0, message}}}
	}
	d := &decoder{}
	f := &File{Path: path}
	if doc != nil {
		d.file(doc.Content[0], text, f)
	}
	if len(d.problems) == 0 {
		d.validate(f)
	}
	if len(d.problems) == 0 && f.IsEmpty() {
		d.problemAt(0, 0, "it asks for nothing: name snaps, charms, bundles, images, validation-sets, models or stores")
	}
	if len(d.problems) > 0 {
		slices.SortStableFunc(d.problems, func(a, b Problem) int { return a.Line - b.Line })
		return nil, &FileError{path, d.problems, d.more}
	}
	f.complete()
	return f, nil
}

// yamlLine matches the line in an error of the library.
var yamlLine = regexp.MustCompile(`^yaml: line (\d+): (.*)$`)

// lineOf splits an error of the library into its line and its message. Other errors have no line.
func lineOf(err error) (int, string) {
	m := yamlLine.FindStringSubmatch(err.Error())
	if m == nil {
		return 0, err.Error()
	}
	line, _ := strconv.Atoi(m[1])
	return line, m[2]
}

// file decodes the top of a text.
func (d *decoder) file(n *yaml.Node, text []byte, f *File) {
	if n.Kind != yaml.MappingNode {
		d.problem(n, "want a mapping with keys such as snaps and charms, not %s", describe(n))
		return
	}
	top := *n
	top.Content = nil
	var applications *yaml.Node
	for key, value := range d.pairs(n) {
		if key.Value == "applications" {
			applications = key
			continue
		}
		top.Content = append(top.Content, key, value)
	}
	if applications != nil {
		d.applications(applications, text, f)
		top.Content = withoutKeys(top.Content, jujuKeys)
	}
	d.structure(&top, reflect.ValueOf(f).Elem())
}

// withoutKeys returns the pairs of a mapping whose keys are not in a list.
func withoutKeys(pairs []*yaml.Node, keys []string) (out []*yaml.Node) {
	for i := 0; i+1 < len(pairs); i += 2 {
		if !slices.Contains(keys, pairs[i].Value) {
			out = append(out, pairs[i], pairs[i+1])
		}
	}
	return out
}

// applications reads the charms in the form of a bundle.yaml.
func (d *decoder) applications(key *yaml.Node, text []byte, f *File) {
	b, err := charm.ParseBundle(text)
	if err != nil {
		d.problem(key, "%v", err)
		return
	}
	f.Applications = b.Applications
	for _, repeated := range b.Repeated {
		f.Warnings = append(f.Warnings, "the key "+repeated+" is a repeated one, of which the last value counts")
	}
}

// validate finds contradictions between the members of an entry.
func (d *decoder) validate(f *File) {
	if n := max(len(f.Snaps)+len(f.Packages), len(f.Charms)+len(f.Applications)); n > maxEntries {
		d.problemAt(0, 0, "%d entries of one kind, at most %d", n, maxEntries)
	}
	for _, s := range f.Snaps {
		if s.Revision > 0 && len(s.Channels) > 0 {
			d.entry(s.Position, "snap %s: a revision needs no channels; push_channel puts it into a channel inside", s.Name)
		}
		if n := len(or(s.Channels, f.channels())); s.PushChannel != "" && s.Revision == 0 && n > 1 {
			d.entry(s.Position, "snap %s: which of %d channels is to be pushed to %s? Name a revision, or one channel", s.Name, n, s.PushChannel)
		}
	}
	for _, c := range f.Charms {
		if c.Revision > 0 && len(c.Channels) > 1 {
			d.entry(c.Position, "charm %s: a revision goes into one channel at most", c.Name)
		}
	}
	for i, s := range f.Stores {
		if slices.ContainsFunc(f.Stores[:i], func(o Store) bool { return o.ID == s.ID }) {
			d.entry(s.Position, "store %s: it is in the list already", s.ID)
		}
	}
	d.validateImages(f)
	for _, m := range f.Models {
		if (m.File == "") == (m.Assertion == "") {
			d.entry(m.Position, "a model has either a file or an assertion")
		}
	}
}

func (d *decoder) entry(p Position, format string, args ...any) {
	d.problemAt(p.Line, p.Column, "%s", fmt.Sprintf(format, args...))
}

// complete fills in the defaults, and moves entries of earlier forms to their place.
func (f *File) complete() {
	for _, p := range f.Packages {
		f.Snaps = append(f.Snaps, Snap{Position: p.Position, Name: p.Name, Revision: p.Revision, PushChannel: p.PushChannel})
	}
	f.Packages = nil
	if f.CharmImages.isGiven() {
		list := f.Images.List
		f.Images, f.CharmImages = f.CharmImages, Images{}
		f.Images.List = list
	}
	f.Architectures, f.Channels = or(f.Architectures, []string{"amd64"}), f.channels()
}

func (f *File) channels() []string { return or(f.Channels, []string{"stable"}) }

// or returns the first list that is not empty.
func or(a, b []string) []string {
	if len(a) > 0 {
		return a
	}
	return b
}
