package importer

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"

	"offlinestore/assertion"
	"offlinestore/bundle"
	"offlinestore/catalog"
	"offlinestore/channel"
	"offlinestore/charm"
)

// amd64 is what the original store-admin exports unless it is told otherwise.
const amd64 = "amd64"

// readBundleYAML reads what the export was asked for.
func (o *original) readBundleYAML() error {
	if o.yaml == nil {
		o.warn("there is no %s in it: everything goes to the default track", bundleYAML)
		o.apps = &charm.BundleFile{}
		return nil
	}
	var err error
	if o.apps, err = charm.ParseBundle(o.yaml); err != nil {
		return errOriginal{err}
	}
	return nil
}

// buildCharm makes a charm, its revisions and resources of what lay together.
func (o *original) buildCharm(g *group) error {
	k, err := readMetadata(g.metadata, g.name)
	if err != nil {
		return err
	}
	c := catalog.ImportedCharm{Listing: charm.Listing{Name: g.name, ID: k.id, Type: charm.TypeCharm, DefaultTrack: k.track}}
	first := g.archives[0]
	if first.bundle != nil {
		c.Type = charm.TypeBundle
	}
	if c.ID == "" {
		ids, err := o.s.im.Store.CharmIDs(o.s.ctx, g.name)
		if err != nil {
			return err
		}
		c.ID = ids[g.name]
	}
	if c.ID == "" {
		sum := sha256.Sum256([]byte("offlinestore charm " + g.name))
		c.ID = hex.EncodeToString(sum[:])[:32]
		o.warn("%s: its ID on Charmhub is not in the file, so it gets one of its own", g.name)
	}
	c.Result = o.details(g, k)
	if err := o.account(g, &c); err != nil {
		return err
	}
	refs, err := o.buildResources(g, &c)
	if err != nil {
		return err
	}
	for i := range g.archives {
		if err := o.buildRevision(&c, &g.archives[i], k, refs); err != nil {
			return err
		}
	}
	o.in.Charms = append(o.in.Charms, c)
	return nil
}

// details are what the store said, else what the charm says.
func (o *original) details(g *group, k *known) charm.Details {
	if k.details != nil {
		d := *k.details
		d.Media = nil // their URLs lead nowhere
		return d
	}
	o.warn("%s: what Charmhub says of it is not in the file", g.name)
	d := charm.Details{Title: g.name}
	if a := g.archives[0]; a.charm != nil {
		d.Summary, d.Description = a.charm.Metadata.Summary, a.charm.Metadata.Description
	} else {
		d.Description = a.bundle.File.Description
	}
	return d
}

// account takes the publisher's account assertion if it is all that it should be. Nothing else depends on it.
func (o *original) account(g *group, c *catalog.ImportedCharm) error {
	if len(g.account) == 0 {
		return nil
	}
	all, id, err := o.verify(g.account)
	switch {
	case err != nil:
		o.warn("%s: its publisher's account is left out: %v", g.name, err)
	case c.Result.Publisher.ID == "":
		c.Result.Publisher.ID = id
		fallthrough
	case c.Result.Publisher.ID == id:
		o.in.Assertions = append(o.in.Assertions, storeAssertions(all)...)
	default:
		o.warn("%s: its publisher's account is left out: it is that of %.60q, and the charm is published by %.60q", g.name, id, c.Result.Publisher.ID)
	}
	return nil
}

// verify verifies a stream of assertions that has one account, and returns that account's ID.
func (o *original) verify(stream []byte) (all []*assertion.Assertion, id string, err error) {
	if all, err = assertion.DecodeAll(stream); err != nil {
		return nil, "", err
	}
	set := assertion.NewSet()
	set.Add(all...)
	v := &assertion.Verifier{Trust: o.s.im.Trust, Source: set, Time: o.in.SignedAt}
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

// buildRevision makes a revision and puts it into the channels that it was asked for.
func (o *original) buildRevision(c *catalog.ImportedCharm, a *archive, k *known, refs []charm.ResourceRef) error {
	what := fmt.Sprintf("%s_%d", c.Name, a.revision)
	if sum, ok := k.sums[a.revision]; ok && sum != a.digest.Encoded() {
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
			return &bundle.MismatchError{Item: what, Err: fmt.Errorf("metadata.yaml: the charm calls itself %s: %w", a.charm.Metadata.Name, errOther)}
		}
		bases = o.bases(c.Name, a)
		item.Snaps = a.charm.Snaps
		item.Revision.Bases, item.Revision.Subordinate = bases, a.charm.Metadata.Subordinate
		item.Revision.MetadataYAML, item.Revision.ConfigYAML, item.Revision.ActionsYAML = a.charm.MetadataYAML, orEmpty(a.charm.ConfigYAML), orEmpty(a.charm.ActionsYAML)
	}
	o.in.CharmRevisions = append(o.in.CharmRevisions, catalog.ImportedCharmRevision{Item: item, Blob: a.digest})
	channels, err := o.channels(c, a.revision, k)
	if err != nil {
		return err
	}
	for _, ch := range channels {
		for _, b := range bases {
			if slices.ContainsFunc(c.ChannelMap, func(r charm.Release) bool { return r.Channel == ch && same(r.Base, b) }) {
				o.warn("%s: more than one revision for %s; %d is left out there", c.Name, ch, a.revision)
				continue
			}
			c.ChannelMap = append(c.ChannelMap, charm.Release{Base: b, Channel: ch, Revision: a.revision, ReleasedAt: k.releasedAt(a.revision, ch), Resources: refs})
		}
	}
	return nil
}

func same(a, b *charm.Base) bool {
	return a == b || a != nil && b != nil && *a == *b
}

// bases are those of the charm, for amd64 where it says nothing of architectures.
func (o *original) bases(name string, a *archive) []*charm.Base {
	list := a.charm.ConcreteBases([]string{amd64})
	if len(a.charm.Bases) == 0 || slices.ContainsFunc(a.charm.Bases, func(b charm.Base) bool { return b.Architecture == charm.All }) {
		o.warn("%s revision %d: it does not say for which architectures it is; it is taken for %s", name, a.revision, amd64)
	}
	if len(list) == 0 {
		base := charm.Base{Name: charm.Ubuntu, Channel: "22.04"}
		for _, app := range o.apps.Applications {
			if app.Charm == name && app.Base != (charm.Base{}) {
				base = app.Base
			}
		}
		base.Architecture = amd64
		o.warn("%s revision %d: it does not say on which bases it runs; it is taken for %s", name, a.revision, base)
		list = []charm.Base{base}
	}
	out := make([]*charm.Base, len(list))
	for i := range list {
		out[i] = &list[i]
	}
	return out
}

// channels are those that the applications of a charm ask for. A bundle is no application, and neither is a charm that only
// metadata.json knows.
func (o *original) channels(c *catalog.ImportedCharm, revision int, k *known) ([]string, error) {
	var out []string
	for _, app := range o.apps.Applications {
		if app.Charm != c.Name || app.Local || app.Revision != nil && *app.Revision != revision {
			continue
		}
		ch := app.Channel
		if ch == "" {
			ch = channel.Stable
		}
		parsed, err := channel.Parse(ch)
		if err != nil {
			return nil, errOriginal{err}
		}
		if parsed.Track == "" {
			parsed = parsed.WithTrack(firstOf(k.track, channel.DefaultTrack))
		}
		if ch = parsed.String(); !slices.Contains(out, ch) {
			out = append(out, ch)
		}
	}
	if len(out) == 0 {
		out = append(out, firstOf(k.channelOf(revision), full(k.track, channel.Stable)))
	}
	return out, nil
}

func firstOf(list ...string) string {
	for _, s := range list {
		if s != "" {
			return s
		}
	}
	return ""
}
