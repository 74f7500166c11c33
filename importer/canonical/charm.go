package canonical

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"offlinestore/assertion"
	"offlinestore/bundle"
	"offlinestore/channel"
	"offlinestore/charm"
)

// amd64 is the architecture that the original store-admin exports by default.
const amd64 = "amd64"

// noYAML is the text of a YAML file that a charm does not have.
const noYAML = "{}\n"

// parseBundleYAML parses the request for the export.
func (p *parser) parseBundleYAML() error {
	if p.yaml == nil {
		p.warn("there is no %s in it: everything goes to the default track", bundleYAML)
		p.apps = &charm.BundleFile{}
		return nil
	}
	apps, err := charm.ParseBundle(p.yaml)
	if err != nil {
		return &FormatError{err}
	}
	p.apps = apps
	return nil
}

// buildCharm makes a charm, its revisions and its resources of a group.
func (p *parser) buildCharm(g *group) error {
	m, err := parseMetadata(g.metadata, g.name)
	if err != nil {
		return err
	}
	// Such files have no icons, even of charms that have one.
	c := charm.Listing{Name: g.name, ID: m.id, Type: charm.TypeCharm, DefaultTrack: m.track, Unknown: []string{charm.UnknownIcon}}
	first := g.archives[0]
	if first.bundle != nil {
		c.Type = charm.TypeBundle
	}
	if c.ID == "" {
		if c.ID, err = p.CharmID(g.name); err != nil {
			return err
		}
	}
	if c.ID == "" {
		c.ID = madeUpID(g.name)
		p.warn("%s: its ID on Charmhub is not in the file, so it gets one of its own", g.name)
	}
	c.Result = p.details(g, m)
	p.addAccount(g, &c)
	refs, err := p.buildResources(g, &c)
	if err != nil {
		return err
	}
	for _, a := range p.byClaim(g) {
		if err := p.buildRevision(&c, a, m, refs); err != nil {
			return err
		}
	}
	p.out.Charms = append(p.out.Charms, c)
	return nil
}

// byClaim returns the archives of a charm in the order in which they claim channels. A revision that an application pins comes last, since other
// applications follow the channel. The highest of several pinned revisions comes first.
func (p *parser) byClaim(g *group) []*archive {
	out := make([]*archive, len(g.archives))
	allPinned := !slices.ContainsFunc(g.archives, func(a archive) bool { return !p.isPinned(g.name, a.revision) })
	for i := range g.archives {
		out[i] = &g.archives[i]
		out[i].follows = allPinned || !p.isPinned(g.name, out[i].revision)
	}
	slices.SortStableFunc(out, func(a, b *archive) int {
		pinnedA, pinnedB := p.isPinned(g.name, a.revision), p.isPinned(g.name, b.revision)
		switch {
		case pinnedA && pinnedB:
			return b.revision - a.revision
		case pinnedA:
			return 1
		case pinnedB:
			return -1
		}
		return 0
	})
	return out
}

// isPinned reports whether an application names a revision of a charm.
func (p *parser) isPinned(name string, revision int) bool {
	return slices.ContainsFunc(p.apps.Applications, func(a charm.Application) bool {
		return a.Charm == name && !a.Local && a.Revision != nil && *a.Revision == revision
	})
}

// architectures returns the architectures that the applications of a charm name, or else the default of the original store-admin.
func (p *parser) architectures(name string) (out []string) {
	for _, a := range p.apps.Applications {
		if a.Charm == name {
			out = append(out, a.Architectures...)
		}
	}
	if len(out) == 0 {
		out = []string{amd64}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// madeUpID returns the ID of a charm that the store does not know and whose file has none. It depends on the name alone.
func madeUpID(name string) string {
	sum := sha256.Sum256([]byte("offlinestore charm " + name))
	return hex.EncodeToString(sum[:])[:32]
}

// details returns the details in the answer of Charmhub, else those in the charm.
func (p *parser) details(g *group, m *metadata) charm.Details {
	if m.details != nil {
		d := *m.details
		d.Media = nil // their URLs lead nowhere
		return d
	}
	p.warn("%s: what Charmhub says of it is not in the file", g.name)
	d := charm.Details{Title: g.name}
	if a := g.archives[0]; a.charm != nil {
		d.Summary, d.Description = a.charm.Metadata.Summary, a.charm.Metadata.Description
	} else {
		d.Description = a.bundle.File.Description
	}
	return d
}

// addAccount adds the account assertion of the publisher if it is valid. If not, it warns: nothing else depends on the account.
func (p *parser) addAccount(g *group, c *charm.Listing) {
	if len(g.account) == 0 {
		return
	}
	all, id, err := p.verifyAccount(g.account)
	switch {
	case err != nil:
		p.warn("%s: its publisher's account is left out: %v", g.name, err)
	case c.Result.Publisher.ID == "":
		c.Result.Publisher.ID = id
		fallthrough
	case c.Result.Publisher.ID == id:
		p.out.Assertions = append(p.out.Assertions, all...)
	default:
		p.warn("%s: its publisher's account is left out: it is that of %.60q, and the charm is published by %.60q", g.name, id, c.Result.Publisher.ID)
	}
}

// verifyAccount verifies a stream of assertions that has one account, and returns that account's ID.
func (p *parser) verifyAccount(stream []byte) (all []*assertion.Assertion, id string, err error) {
	if all, err = assertion.DecodeAll(stream); err != nil {
		return nil, "", err
	}
	set := assertion.NewSet()
	set.Add(all...)
	v := &assertion.Verifier{Trust: p.Trust, Source: set, Time: p.out.Created}
	for _, a := range all {
		if err := v.Verify(a); err != nil {
			return nil, "", err
		}
		if a.Type() == "account" && id == "" {
			id = a.HeaderString("account-id")
		}
	}
	if id == "" {
		return nil, "", fmt.Errorf("no account in it")
	}
	return all, id, nil
}

// buildRevision makes a revision and puts it into the channels that the export was asked for.
func (p *parser) buildRevision(c *charm.Listing, a *archive, m *metadata, refs []charm.ResourceRef) error {
	what := fmt.Sprintf("%s_%d", c.Name, a.revision)
	if sum, ok := m.sums[a.revision]; ok && sum != a.digest.Encoded() {
		return &bundle.MismatchError{Item: what, Err: fmt.Errorf("%s names another SHA-256 for it", metadataJSON)}
	}
	if (a.bundle != nil) != (c.Type == charm.TypeBundle) {
		return &bundle.MismatchError{Item: what, Err: fmt.Errorf("a charm and a bundle of one name")}
	}
	item := charm.Item{ID: c.ID, Name: c.Name, Type: c.Type, Revision: charm.Revision{
		Number: a.revision, Download: charm.Download{SHA256: a.digest.Encoded(), SHA384: a.sha384, Size: a.size}, Version: strconv.Itoa(a.revision),
	}}
	bases := []*charm.Base{nil}
	if a.bundle != nil {
		item.Revision.BundleYAML, item.Revision.ReadmeMD = a.bundle.BundleYAML, a.bundle.ReadmeMD
	} else {
		if a.charm.Metadata.Name != c.Name {
			return &bundle.MismatchError{Item: what, Err: fmt.Errorf("metadata.yaml: the charm calls itself %s: not what the bundle says of it", a.charm.Metadata.Name)}
		}
		bases = p.bases(c.Name, a)
		item.Revision.Bases, item.Revision.Subordinate = bases, a.charm.Metadata.Subordinate
		item.Revision.MetadataYAML, item.Revision.ConfigYAML, item.Revision.ActionsYAML = a.charm.MetadataYAML, cmp.Or(a.charm.ConfigYAML, noYAML), cmp.Or(a.charm.ActionsYAML, noYAML)
	}
	p.out.Revisions = append(p.out.Revisions, Revision{Item: item, Blob: a.digest})
	channels, err := p.channels(c, a, m)
	if err != nil {
		return err
	}
	for _, ch := range channels {
		for _, b := range bases {
			if slices.ContainsFunc(c.ChannelMap, func(r charm.Release) bool { return r.Channel == ch && sameBase(r.Base, b) }) {
				p.warn("%s: more than one revision for %s; %d is left out there", c.Name, ch, a.revision)
				continue
			}
			c.ChannelMap = append(c.ChannelMap, charm.Release{Base: b, Channel: ch, Revision: a.revision, ReleasedAt: m.releasedAt(a.revision, ch), Resources: refs})
		}
	}
	return nil
}

func sameBase(a, b *charm.Base) bool {
	return a == b || a != nil && b != nil && *a == *b
}

// bases returns the bases of the charm, for the architectures of its applications where it names none.
func (p *parser) bases(name string, a *archive) []*charm.Base {
	archs := p.architectures(name)
	list := a.charm.ConcreteBases(archs)
	if len(a.charm.Bases) == 0 || slices.ContainsFunc(a.charm.Bases, func(b charm.Base) bool { return b.Architecture == charm.All }) {
		p.warn("%s revision %d: it does not say for which architectures it is; it is taken for %s", name, a.revision, strings.Join(archs, ", "))
	}
	if len(list) == 0 {
		base := charm.Base{Name: charm.Ubuntu, Channel: "22.04"}
		for _, app := range p.apps.Applications {
			if app.Charm == name && app.Base != (charm.Base{}) {
				base = app.Base
			}
		}
		base.Architecture = archs[0]
		p.warn("%s revision %d: it does not say on which bases it runs; it is taken for %s", name, a.revision, base)
		list = []charm.Base{base}
	}
	out := make([]*charm.Base, len(list))
	for i := range list {
		out[i] = &list[i]
	}
	return out
}

// channels returns the channels that the applications of a charm ask for. If bundle.yaml has no application of the charm, the
// channel is the one in metadata.json, else the stable one.
func (p *parser) channels(c *charm.Listing, a *archive, m *metadata) ([]string, error) {
	var out []string
	for _, app := range p.apps.Applications {
		if app.Charm != c.Name || app.Local || app.Revision == nil && !a.follows || app.Revision != nil && *app.Revision != a.revision {
			continue
		}
		ch := app.Channel
		if ch == "" {
			ch = channel.Stable
		}
		parsed, err := channel.Parse(ch)
		if err != nil {
			return nil, &FormatError{err}
		}
		if parsed.Track == "" {
			parsed = parsed.WithTrack(cmp.Or(m.track, channel.DefaultTrack))
		}
		if ch = parsed.String(); !slices.Contains(out, ch) {
			out = append(out, ch)
		}
	}
	if len(out) == 0 {
		out = append(out, cmp.Or(m.channelOf(a.revision), channelName(m.track, channel.Stable)))
	}
	return out, nil
}
