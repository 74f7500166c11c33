package wanted

import (
	"errors"
	"strings"

	"offlinestore/bundle"
	"offlinestore/channel"
	"offlinestore/receipt"
)

// DifferentWish is the Kind of a difference between a wanted.yaml and another side. From and To are -1 for a side that neither asks for the
// item nor has it, else 0. For an item that is neither a snap nor a charm, Name has its name and Field its kind.
// An image that no file names has its name in ImageName.
const DifferentWish = "wanted"

// Side is one side of a comparison: the content of a bundle or a lock, a wanted.yaml, or a receipt. Exactly one member is set.
type Side struct {
	Head    *bundle.Head
	File    *File
	Receipt *receipt.Receipt
}

// Compare returns the differences between two sides, sorted as far as their kinds can tell them. A wanted.yaml names channels, and a
// receipt has no revisions that are in no channel.
func Compare(a, b Side) ([]bundle.Difference, error) {
	var out []bundle.Difference
	switch {
	case a.Head != nil && b.Head != nil:
		return bundle.Compare(a.Head, b.Head)
	case a.File != nil && b.File != nil:
		out = compareWishes(a.File.wishes(), b.File.wishes())
	case a.File != nil:
		out = compareContent(a.File, b.content(), false)
	case b.File != nil:
		out = compareContent(b.File, a.content(), true)
	case a.Receipt != nil || b.Receipt != nil:
		out = compareRows(a.content(), b.content())
		out = append(out, missingBlobs(a, b)...)
	default:
		return nil, errors.New("nothing to compare")
	}
	bundle.SortDifferences(out)
	return out, nil
}

// compareWishes returns the wishes that only one of two files has.
func compareWishes(a, b []bundle.Difference) []bundle.Difference {
	out := []bundle.Difference{}
	add := func(list, others []bundle.Difference, from, to int) {
		there := make(map[bundle.Difference]bool, len(others))
		for _, w := range others {
			there[w] = true
		}
		for _, w := range list {
			if !there[w] {
				w.From, w.To = from, to
				out = append(out, w)
			}
		}
	}
	add(a, b, 0, -1)
	add(b, a, -1, 0)
	return out
}

// wishes returns everything that a file asks for, each once, in the form of differences.
func (f *File) wishes() []bundle.Difference {
	var out []bundle.Difference
	seen := make(map[bundle.Difference]bool)
	add := func(w bundle.Difference) {
		if w.Kind = DifferentWish; !seen[w] {
			seen[w], out = true, append(out, w)
		}
	}
	for _, s := range f.Snaps {
		for _, arch := range or(s.Architectures, f.Architectures) {
			if s.Revision > 0 {
				add(bundle.Difference{Snap: s.Name, Revision: s.Revision, Channel: s.PushChannel, Architecture: arch})
				continue
			}
			for _, c := range or(s.Channels, f.Channels) {
				if s.PushChannel != "" {
					c = s.PushChannel
				}
				add(bundle.Difference{Snap: s.Name, Channel: normal(c), Architecture: arch})
			}
		}
	}
	for _, app := range f.charms() {
		for _, arch := range or(app.archs, f.Architectures) {
			add(bundle.Difference{Charm: app.name, Revision: app.revision, Channel: normal(app.channel), Base: app.base, Architecture: arch})
		}
	}
	for _, b := range f.Bundles {
		for _, c := range or(b.Channels, []string{channel.Stable}) {
			add(bundle.Difference{Charm: b.Name, Channel: normal(c), Base: anyBase})
		}
	}
	f.addNamed(add)
	return out
}

// anyBase is the base of a charm bundle.
const anyBase = "any base"

// The values of Field of a DifferentWish.
const (
	wishSet   = "validation-set"
	wishKey   = "account-key"
	wishStore = "store"
	wishModel = "model"
	wishImage = "image"
)

// addNamed adds the wishes that are neither snaps nor charms.
func (f *File) addNamed(add func(bundle.Difference)) {
	for _, v := range f.ValidationSets {
		add(bundle.Difference{Field: wishSet, Name: v.Account + "/" + v.Name, Revision: v.Sequence})
	}
	for _, k := range f.AccountKeys {
		add(bundle.Difference{Field: wishKey, Name: k.ID})
	}
	for _, s := range f.Stores {
		add(bundle.Difference{Field: wishStore, Name: s.ID})
		for _, key := range s.Keys {
			add(bundle.Difference{Field: wishKey, Name: key})
		}
	}
	for _, i := range f.Images.List {
		add(bundle.Difference{Field: wishImage, Name: i.wish()})
	}
	for _, m := range f.Models {
		add(bundle.Difference{Field: wishModel, Name: modelName(m.Assertion)})
	}
}

// wishedCharm is one place of a charm that a file asks for.
type wishedCharm struct {
	name, channel, base string
	revision            int
	archs               []string
}

// charms returns the charms of a file in both of its forms.
func (f *File) charms() (out []wishedCharm) {
	for _, c := range f.Charms {
		for _, ch := range or(c.Channels, []string{""}) {
			for _, base := range or(c.Bases, []string{f.Base}) {
				out = append(out, wishedCharm{c.Name, orStable(ch, c.Revision), base, c.Revision, c.Architectures})
			}
		}
	}
	for _, a := range f.Applications {
		if a.Local {
			continue
		}
		w := wishedCharm{name: a.Charm, archs: a.Architectures}
		if a.Revision != nil {
			w.revision = *a.Revision
		}
		w.channel = orStable(a.Channel, w.revision)
		if a.Base.Name != "" {
			w.base = a.Base.Name + "@" + a.Base.Channel
		}
		out = append(out, w)
	}
	return out
}

// orStable returns the channel of a charm that names none: stable, unless it has a revision.
func orStable(c string, revision int) string {
	if c == "" && revision == 0 {
		return channel.Stable
	}
	return c
}

// normal returns the one form of a channel. It leaves out a track that the text leaves out.
func normal(s string) string {
	c, err := channel.Parse(s)
	if err != nil {
		return s
	}
	return c.String()
}

// matches reports whether a wish for a channel is about a row of its snap or charm. Without a track, the wish is about the default track. A receipt does not tell
// it, and then any track will do.
func (c *content) matches(wish *bundle.Difference, r row) bool {
	if !placed(wish, r.platform) {
		return false
	}
	if wish.Channel == "" {
		return true
	}
	want, err := channel.Parse(wish.Channel)
	have, herr := channel.Parse(r.channel)
	if err != nil || herr != nil {
		return false
	}
	if want.Track == "" {
		track, known := c.tracks[itemKey{r.charm, r.name}]
		if !known {
			track = have.Track
		}
		want = want.WithTrack(track)
	}
	return want == have.WithTrack(channel.DefaultTrack)
}

// placed reports whether the platform of a row is one of a wish.
func placed(wish *bundle.Difference, platform string) bool {
	switch {
	case wish.Charm == "":
		return platform == wish.Architecture || platform == "all"
	case wish.Base == anyBase:
		return platform == anyBase
	}
	base, arch, _ := strings.Cut(platform, " ")
	return arch == wish.Architecture && (wish.Base == "" || base == wish.Base)
}
