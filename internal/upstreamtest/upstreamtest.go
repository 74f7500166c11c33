// Package upstreamtest is a simulated Snap Store and Charmhub, with simulated registries, for tests, benchmarks and the demonstration.
//
// It answers as the recordings in realdata do: with absolute URLs, downloads through a redirect, and only requested fields. It defines its
// own messages on purpose. Otherwise a mistake in the messages of package snap would go unnoticed, because both sides would share it.
// It signs everything with the public keys of package assertiontest. Inject makes it fail as real stores do.
package upstreamtest

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"sync"
	"time"

	"offlinestore/assertion"
	"offlinestore/channel"
	"offlinestore/internal/assertiontest"
)

// architectures lists the architectures of a snap for "all".
var architectures = []string{"amd64", "arm64", "armhf", "i386", "ppc64el", "riscv64", "s390x"}

// Options are the options of New. With the zero value, the store takes its own name from its requests.
type Options struct {
	// Origin is the beginning of URLs in answers; "" takes the host from the request.
	Origin string
	// SSO verifies the logins in requests. Without it the store ignores them, and nobody sees the private snaps.
	SSO *SSO
}

// Publisher is the publisher of a snap.
type Publisher struct{ ID, Username, DisplayName, Validation string }

// Snap describes a snap by name. Only Name is required.
type Snap struct {
	Name   string
	SnapID string // "" is derived from Name
	Type   string // "" is app
	Base   string
	// Publisher is the root account when zero, as Canonical publishes its own snaps.
	Publisher                                     Publisher
	DefaultTrack                                  string
	Categories                                    []string
	Icon                                          []byte
	Providers                                     []string // default providers of content plugs
	Apps                                          []string
	Title, Summary, Description, License, Website string
	// DeclarationFormats are the formats that the snap-declaration is signed in: {0} when nil.
	DeclarationFormats []int
	// Controls are the snaps whose refreshes the snap controls. Their snap-ids are derived from their names.
	Controls []string
	// Owner is the e-mail address of the account that a private snap is visible to, or empty for a public snap.
	Owner string
	// Store is the ID of the brand's store that has the snap, or empty for the global store.
	Store string
}

// Component is a component that a revision is released with.
type Component struct {
	Name, Version string
	Kind          string // "" is standard
	Revision      int
	Blob          Blob
}

// Rev is a revision of a snap. Revision and Blob are required.
type Rev struct {
	Revision      int
	Architectures []string // nil is all
	// AnyDevice gives the revision to every device that asks for its number, as the real store does.
	AnyDevice   bool
	Version     string
	Confinement string // "" is strict
	Epoch       Epoch
	YAML        string // "" is made of the rest
	Components  []Component
	// Further are other revisions of components. Only devices with a validation set that pins them get them.
	Further []Component
	Blob    Blob
	Verity  Blob // the dm-verity data; nil for none
}

func (r *Rev) components() []Component { return slices.Concat(r.Components, r.Further) }

// Store is a simulated Snap Store. All its methods may be called while it serves.
type Store struct {
	Faults
	opts  Options
	Stack *assertiontest.Stack

	mu         sync.Mutex
	snaps      map[string]*entry // by name
	charms     map[string]*charmEntry
	stores     map[string]*BrandStore // of brands, by ID
	assertions map[string]map[int]*assertion.Assertion
	events     int // counts the events that have their own time
}

// entry is a snap with its revisions and releases.
type entry struct {
	Snap
	revisions map[int]*revision
	released  map[slot][]release // one for each epoch
}

type revision struct {
	Rev
	created   string
	snap      digest
	resources []digest
	verity    digest
	// announced describes the blob in answers; snap describes the true blob.
	announced digest
}

type slot struct {
	arch    string
	channel channel.Channel // with its track
}

type release struct {
	revision int
	at       string
}

// New returns a store without snaps.
func New(opts Options) (*Store, error) {
	stack, err := assertiontest.New()
	if err != nil {
		return nil, err
	}
	s := &Store{opts: opts, Stack: stack, snaps: map[string]*entry{}, charms: map[string]*charmEntry{}, stores: map[string]*BrandStore{}, assertions: map[string]map[int]*assertion.Assertion{}}
	s.put(stack.Root)
	s.put(stack.RootAccountKey)
	for _, a := range stack.Base() {
		s.put(a)
	}
	return s, nil
}

// put stores a under its ref and format.
func (s *Store) put(a *assertion.Assertion) {
	key := a.Ref().Key()
	if s.assertions[key] == nil {
		s.assertions[key] = map[int]*assertion.Assertion{}
	}
	s.assertions[key][a.Format()] = a
}

// now returns a time for the next event: in the past, and later than the event before.
func (s *Store) now() string {
	s.events++
	return time.Date(2024, 3, 1, 9, 0, 0, 117114000, time.UTC).Add(time.Duration(s.events) * 17 * time.Minute).Format("2006-01-02T15:04:05.000000-07:00")
}

// ID returns the snap-id of a snap without one of its own.
func ID(name string) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	sum := sha256.Sum256([]byte(name))
	id := make([]byte, 32)
	for i := range id {
		id[i] = letters[int(sum[i])%len(letters)]
	}
	return string(id)
}

// AddSnap registers a snap's name.
func (s *Store) AddSnap(snap Snap) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.snaps[snap.Name] != nil {
		return fmt.Errorf("snap %s: there is one already", snap.Name)
	}
	if snap.SnapID == "" {
		snap.SnapID = ID(snap.Name)
	}
	if snap.Type == "" {
		snap.Type = "app"
	}
	if snap.Publisher == (Publisher{}) {
		snap.Publisher = Publisher{ID: assertiontest.RootID, Username: assertiontest.RootID, DisplayName: "Test Root", Validation: "verified"}
	}
	if snap.Summary == "" {
		snap.Summary = "The " + snap.Name + " snap of the simulated store"
	}
	s.snaps[snap.Name] = &entry{Snap: snap, revisions: map[int]*revision{}, released: map[slot][]release{}}
	s.signSnap(&snap)
	return nil
}

// AddRevision uploads a revision, which is released to no channel yet. It reads the blobs once, to hash them.
func (s *Store) AddRevision(name string, rev Rev) error {
	sum, err := digestOf(rev.Blob)
	if err != nil {
		return fmt.Errorf("snap %s: revision %d: %w", name, rev.Revision, err)
	}
	var resources []digest
	for _, c := range rev.components() {
		d, err := digestOf(c.Blob)
		if err != nil {
			return fmt.Errorf("snap %s: component %s: %w", name, c.Name, err)
		}
		resources = append(resources, d)
	}
	verity, err := verityDigest(&rev)
	if err != nil {
		return fmt.Errorf("snap %s: dm-verity data: %w", name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.snaps[name]
	if e == nil {
		return fmt.Errorf("snap %s: there is none", name)
	}
	if rev.Revision < 1 || e.revisions[rev.Revision] != nil {
		return fmt.Errorf("snap %s: revision %d: not a new one", name, rev.Revision)
	}
	if rev.Architectures == nil {
		rev.Architectures = []string{"all"}
	}
	if rev.Version == "" {
		rev.Version = fmt.Sprintf("1.%d", rev.Revision)
	}
	if rev.Confinement == "" {
		rev.Confinement = "strict"
	}
	if rev.YAML == "" {
		rev.YAML = YAML(e.Snap, rev)
	}
	r := &revision{Rev: rev, created: s.now(), snap: sum, announced: sum, resources: resources, verity: verity}
	e.revisions[rev.Revision] = r
	s.signRevision(e, r)
	return nil
}

// Release releases a revision to a channel ("edge", "2.0/stable", "latest/stable/fix") for one architecture, or for every architecture
// that it supports when arch is "". Releases of other epochs stay in the channel.
func (s *Store) Release(name, arch, to string, revision int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.snaps[name]
	if e == nil || e.revisions[revision] == nil {
		return fmt.Errorf("snap %s: no revision %d", name, revision)
	}
	c, err := channel.Parse(to)
	if err != nil {
		return err
	}
	archs := e.revisions[revision].Architectures
	if arch != "" {
		archs = []string{arch}
	} else if slices.Contains(archs, "all") {
		archs = architectures
	}
	for _, a := range archs {
		at := slot{a, c.WithTrack(channel.DefaultTrack)}
		others := slices.DeleteFunc(e.released[at], func(r release) bool { return e.revisions[r.revision].sameEpoch(e.revisions[revision]) })
		e.released[at] = append(others, release{revision, s.now()})
	}
	return nil
}

// Close closes a channel for one architecture, or for every architecture when arch is "".
func (s *Store) Close(name, arch, which string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.snaps[name]
	c, err := channel.Parse(which)
	if err != nil || e == nil {
		return fmt.Errorf("snap %s: close %s: no such snap or channel", name, which)
	}
	for at := range e.released {
		if at.channel == c.WithTrack(channel.DefaultTrack) && (arch == "" || arch == at.arch) {
			delete(e.released, at)
		}
	}
	return nil
}

// Withdraw makes the store forget a snap by name. Its assertions and blobs stay, as in the real store.
func (s *Store) Withdraw(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.snaps, name)
}

// Revoke replaces a snap's declaration with one that has no name, in each format. Everything else about the snap stays.
func (s *Store) Revoke(snapID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.assertions[assertion.Ref{Type: "snap-declaration", PrimaryKey: []string{assertion.Series, snapID}}.Key()] {
		changes := assertiontest.Headers{"revision": fmt.Sprint(a.Revision() + 1)}
		if a.Format() > 0 {
			changes["format"] = fmt.Sprint(a.Format())
		}
		s.put(s.Stack.SnapDeclaration(snapID, "", a.HeaderString("publisher-id"), changes))
	}
}
