package upstreamtest

import (
	"fmt"
	"maps"
	"slices"

	"offlinestore/channel"
	"offlinestore/internal/assertiontest"
)

// Base is an operating system that a charm runs on. Architecture may be "all", as in many real charms.
type Base struct{ Name, Channel, Architecture string }

// Ubuntu returns a base of Ubuntu.
func Ubuntu(version, arch string) Base { return Base{"ubuntu", version, arch} }

// Charm describes a charm or charm bundle by name. Only Name is required.
type Charm struct {
	Name string
	ID   string // "" is derived from Name
	Type string // "" is charm
	// Publisher is the root account when zero.
	Publisher                                     Publisher
	DefaultTrack                                  string // "" is latest
	Categories                                    []string
	Icon                                          []byte
	Contains                                      []string // the charms of a bundle
	Title, Summary, Description, License, Website string
	Unlisted                                      bool
}

// CharmRev is a revision of a charm or charm bundle. Revision is required.
type CharmRev struct {
	Revision int
	Version  string // "" is the revision
	// CharmFiles are the files in its archive, from which the answers are made. The zero value makes a small charm.
	CharmFiles
	// Blob is the archive if it isn't to be made of CharmFiles.
	Blob Blob
}

// CharmResource is a revision of a charm's resource. Name is required. A resource with neither Blob nor Image was never uploaded: its
// revision is 0.
type CharmResource struct {
	Name, Filename, Description string
	Revision                    int
	Blob                        Blob // of a file
	Image                       *ImageBlob
	OCI                         bool // makes a resource that was never uploaded an oci-image
}

// charmEntry is a charm with its publisher, revisions, resources and releases.
type charmEntry struct {
	Charm
	revisions map[int]*charmRevision
	resources map[string]map[int]*charmResource
	released  map[charmSlot]charmRelease
}

type charmRevision struct {
	CharmRev
	created         string
	sums, announced sums
}

type charmResource struct {
	CharmResource
	created         string
	sums, announced sums
}

type charmSlot struct {
	base    Base            // zero for a bundle
	channel channel.Channel // with its track
}

type charmRelease struct {
	revision  int
	resources map[string]int
	at        string
}

// AddCharm registers the name of a charm or charm bundle, and its publisher's account with the Snap Store.
func (s *Store) AddCharm(c Charm) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.charms[c.Name] != nil {
		return fmt.Errorf("charm %s: there is one already", c.Name)
	}
	if c.ID == "" {
		c.ID = ID("charm " + c.Name)
	}
	if c.Type == "" {
		c.Type = "charm"
	}
	if c.DefaultTrack == "" {
		c.DefaultTrack = channel.DefaultTrack
	}
	if c.Publisher == (Publisher{}) {
		c.Publisher = Publisher{ID: assertiontest.RootID, Username: assertiontest.RootID, DisplayName: "Test Root", Validation: "verified"}
	}
	if c.Summary == "" {
		c.Summary = "The " + c.Name + " " + c.Type + " of the simulated store"
	}
	s.charms[c.Name] = &charmEntry{
		Charm: c, revisions: map[int]*charmRevision{}, resources: map[string]map[int]*charmResource{}, released: map[charmSlot]charmRelease{},
	}
	if p := c.Publisher; p.ID != assertiontest.RootID {
		s.put(s.Stack.Account(p.ID, p.DisplayName, assertiontest.Headers{"username": p.Username, "validation": p.Validation}))
	}
	return nil
}

// AddCharmRevision uploads a revision of a charm or charm bundle, which is released to no channel yet.
func (s *Store) AddCharmRevision(name string, rev CharmRev) error {
	s.mu.Lock()
	e := s.charms[name]
	s.mu.Unlock()
	if e == nil {
		return fmt.Errorf("charm %s: there is none", name)
	}
	rev.CharmFiles.complete(e)
	if rev.Version == "" {
		rev.Version = fmt.Sprint(rev.Revision)
	}
	if rev.Blob == nil {
		rev.Blob = Bytes(MakeArchive(rev.CharmFiles))
	}
	sum, err := sumsOf(rev.Blob)
	if err != nil {
		return fmt.Errorf("charm %s: revision %d: %w", name, rev.Revision, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.revisions[rev.Revision] != nil {
		return fmt.Errorf("charm %s: revision %d: not a new one", name, rev.Revision)
	}
	e.revisions[rev.Revision] = &charmRevision{CharmRev: rev, created: s.now(), sums: sum, announced: sum}
	return nil
}

// AddCharmResource uploads a revision of a charm's resource.
func (s *Store) AddCharmResource(name string, r CharmResource) error {
	blob := r.Blob
	if r.Image != nil {
		blob = Bytes(r.Image.JSON())
		r.OCI, r.Blob = true, blob
	}
	if blob == nil {
		r.Revision, blob = 0, Bytes(nil)
	}
	sum, err := sumsOf(blob)
	if err != nil {
		return fmt.Errorf("charm %s: resource %s: %w", name, r.Name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.charms[name]
	switch {
	case e == nil:
		return fmt.Errorf("charm %s: there is none", name)
	case e.resources[r.Name][r.Revision] != nil:
		return fmt.Errorf("charm %s: resource %s: revision %d: not a new one", name, r.Name, r.Revision)
	case e.resources[r.Name] == nil:
		e.resources[r.Name] = map[int]*charmResource{}
	}
	e.resources[r.Name][r.Revision] = &charmResource{CharmResource: r, created: s.now(), sums: sum, announced: sum}
	return nil
}

// ReleaseCharm releases a revision with resources (revisions by name) to a channel for a base, or for every base of the revision if base is
// zero.
func (s *Store) ReleaseCharm(name, to string, base Base, revision int, resources map[string]int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.charms[name]
	if e == nil || e.revisions[revision] == nil {
		return fmt.Errorf("charm %s: no revision %d", name, revision)
	}
	c, err := channel.Parse(to)
	if err != nil {
		return err
	}
	for r, n := range resources {
		if e.resources[r][n] == nil {
			return fmt.Errorf("charm %s: no revision %d of the resource %s", name, n, r)
		}
	}
	bases := []Base{base}
	if base == (Base{}) && e.Type == "charm" {
		bases = e.revisions[revision].Bases
	}
	for _, b := range bases {
		e.released[charmSlot{b, e.spelledOut(c)}] = charmRelease{revision, maps.Clone(resources), s.now()}
	}
	return nil
}

// CloseCharm closes a channel for a base, or for every base if base is zero.
func (s *Store) CloseCharm(name, which string, base Base) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.charms[name]
	c, err := channel.Parse(which)
	if err != nil || e == nil {
		return fmt.Errorf("charm %s: close %s: no such charm or channel", name, which)
	}
	for at := range e.released {
		if at.channel == e.spelledOut(c) && (base == (Base{}) || base == at.base) {
			delete(e.released, at)
		}
	}
	return nil
}

// AnnounceCharm makes answers give another SHA-256 (in hex; "" keeps it) and size (0 keeps it) of a revision's archive.
func (s *Store) AnnounceCharm(name string, revision int, sha256 string, size int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.charms[name].revisions[revision].announced.lie(sha256, "", size)
}

// AnnounceCharmResource makes answers give other digests (in hex; "" keeps one) and another size (0 keeps it) of a resource.
func (s *Store) AnnounceCharmResource(name, resource string, revision int, sha256, sha384 string, size int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.charms[name].resources[resource][revision].announced.lie(sha256, sha384, size)
}

// spelledOut returns c with a track: the charm's default track if c has none.
func (e *charmEntry) spelledOut(c channel.Channel) channel.Channel {
	return c.WithTrack(e.DefaultTrack)
}

// find returns the release in c or in the next stabler risk for base, and its slot.
func (e *charmEntry) find(c channel.Channel, base Base) (charmSlot, charmRelease, bool) {
	for _, f := range e.spelledOut(c).Fallbacks() {
		for _, arch := range []string{base.Architecture, "all"} {
			at := charmSlot{Base{base.Name, base.Channel, arch}, f}
			if e.Type == "bundle" {
				at.base = Base{}
			}
			if rel, ok := e.released[at]; ok {
				return at, rel, true
			}
		}
	}
	return charmSlot{}, charmRelease{}, false
}

// bases returns the bases with a release in c or below for arch, the newest first.
func (e *charmEntry) bases(c channel.Channel, arch string) []Base {
	var out []Base
	for at := range e.released {
		b := Base{at.base.Name, at.base.Channel, arch}
		if _, _, ok := e.find(c, b); ok && !slices.Contains(out, b) {
			out = append(out, b)
		}
	}
	slices.SortFunc(out, func(a, b Base) int { return -compareBases(a, b) })
	return out
}
