package server_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"offlinestore/assertion"
	"offlinestore/blob"
	"offlinestore/catalog"
	"offlinestore/charm"
	"offlinestore/internal/assertiontest"
	"offlinestore/internal/pgtest"
	"offlinestore/server"
	"offlinestore/snap"
)

// changingStore is a store that random steps change. Its servers load it in different ways.
type changingStore struct {
	t       *testing.T
	db      *catalog.DB
	reader  *catalog.Reader
	stack   *assertiontest.Stack
	acme    *assertiontest.Account
	blobs   *blobs
	config  server.Config
	r       *rand.Rand
	imports int
	done    []string
	// follower has loaded each change.
	follower *server.Server
	wholes   int
}

func newChangingStore(t *testing.T, seed uint64) *changingStore {
	return changingStoreIn(t, seed, pgtest.NewFrom(t, func(dsn string) error {
		db, err := catalog.Open(context.Background(), dsn)
		if err == nil {
			db.Close()
		}
		return err
	}))
}

// changingStoreIn returns a store in a database.
func changingStoreIn(t *testing.T, seed uint64, dsn string) *changingStore {
	db, err := catalog.Open(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	reader, err := catalog.OpenReader(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(reader.Close)
	st, b := assertiontest.NewStack(t), newBlobs(t)
	dir, err := blob.Open(b.dir)
	if err != nil {
		t.Fatal(err)
	}
	s := &changingStore{t: t, db: db, reader: reader, stack: st, acme: st.NewAccount("acme", "brand"), blobs: b, r: rand.New(rand.NewPCG(seed, 1)),
		config: server.Config{Blobs: dir.Storage(), Trust: st.Trust(), Now: assertiontest.Time}}
	s.follower = s.newServer(t.TempDir())
	return s
}

func (s *changingStore) newServer(spool string) *server.Server {
	s.config.SpoolDir = spool
	srv := server.New(s.config)
	srv.SetSettings(server.Settings{DeviceSecret: deviceSecret})
	return srv
}

func (s *changingStore) load(srv *server.Server) (isWhole bool) {
	s.t.Helper()
	c, err := srv.Load(s.t.Context(), s.reader)
	if err != nil {
		s.t.Fatalf("Load: %v, after\n%s", err, strings.Join(s.done, "\n"))
	}
	return c.IsWhole
}

var changingNames = []string{"jq", "yq", "pump", "valve", "lab"}

func changingID(name string) string { return strings.Repeat(name[:1], 32) }

func (s *changingStore) name() string { return changingNames[s.r.IntN(len(changingNames))] }

func (s *changingStore) chance(n int) bool { return s.r.IntN(n) == 0 }

// step changes the store.
func (s *changingStore) step() {
	steps := []func() string{s.push, s.push, s.push, s.pushAssertions, s.pushAssertions, s.pushStore, s.pushCharm, s.override, s.hold, s.release, s.rollback, s.remove}
	s.done = append(s.done, steps[s.r.IntN(len(steps))]())
}

func (s *changingStore) newImport() *catalog.Import {
	s.imports++
	return &catalog.Import{Bundle: digest.FromString(fmt.Sprint("bundle ", s.imports)), Name: fmt.Sprint(s.imports), Signer: "sha256:aa", Sequence: uint64(s.imports),
		SignedAt: assertiontest.Time().AddDate(0, 0, s.imports-s.r.IntN(4)), Exporter: "op", Program: "test"}
}

func (s *changingStore) apply(in *catalog.Import) string {
	_, err := s.db.Apply(s.t.Context(), in)
	return fmt.Sprint("import ", in.Name, " ", err)
}

// blob adds a blob to an import.
func (s *changingStore) blob(in *catalog.Import, content string) digest.Digest {
	d := s.blobs.put(content)
	in.Blobs = append(in.Blobs, catalog.Blob{Digest: d, Size: int64(len(content)), SHA3384: strings.Repeat(d.Encoded()[:48], 2)})
	return d
}

// push brings revisions of a snap, with another description, icon or component now and then.
func (s *changingStore) push() string {
	in, name := s.newImport(), s.name()
	l := snap.Listing{Name: name, SnapID: changingID(name), Snap: details(name, fmt.Sprintf("of import %d", s.r.IntN(20)), "category-of-"+name)}
	l.Snap.Categories[0].Featured = s.chance(8)
	if s.chance(3) {
		l.Store = []string{"acme", "acme-lab", ""}[s.r.IntN(3)]
	} else if name != "jq" && name != "yq" {
		l.Store = "acme"
	}
	archs := [][]string{{"amd64"}, {"arm64"}, {"all"}}
	for n := 1 + s.r.IntN(4); n > 0; n -= 1 + s.r.IntN(3) {
		item := revision(s.blobs, n, fmt.Sprintf("%s %d", name, n), archs[(n+int(name[0]))%3]...).Revision
		item.CommonIDs = []string{"com.example." + name}
		rev := catalog.ImportedSnapRevision{Item: snap.Item{Name: name, SnapID: l.SnapID, Revision: item}, Blob: s.blob(in, "snap "+item.Version)}
		component := fmt.Sprintf("component %d of %s", s.r.IntN(3), item.Version)
		if s.chance(2) {
			rev.ResourceBlobs = []digest.Digest{s.blob(in, component)}
			rev.Revision.Resources = []snap.Resource{{Name: "docs", Revision: 1 + s.r.IntN(3), Type: "component/standard", Download: snap.Download{SHA3384: strings.Repeat("cd", 48), Size: int64(len(component))}}}
		}
		in.SnapRevisions = append(in.SnapRevisions, rev)
		arch := rev.Revision.Architectures[0]
		if arch == "all" {
			arch = []string{"amd64", "riscv64"}[s.r.IntN(2)]
		}
		l.ChannelMap = append(l.ChannelMap, release(arch, []string{"latest/stable", "latest/edge", "2/stable", "latest/edge/fix"}[s.r.IntN(4)], n*s.r.IntN(5)/max(1, s.r.IntN(5)), ""))
		if r := &l.ChannelMap[len(l.ChannelMap)-1]; r.Revision != n {
			r.Revision = 0
		} else {
			r.ReleasedAt = fmt.Sprintf("2024-01-%02dT00:00:00Z", 1+s.r.IntN(28))
		}
		if len(l.ChannelMap) > 1 && l.ChannelMap[0].SameRow(l.ChannelMap[1]) {
			l.ChannelMap = l.ChannelMap[:1]
		}
	}
	one := catalog.ImportedSnap{Listing: l}
	if s.chance(2) {
		content := fmt.Sprintf("icon %d", s.r.IntN(3)) // several snaps may have the same one
		one.Icon = &catalog.Icon{Blob: s.blob(in, content), MediaType: "image/png", Size: int64(len(content))}
	}
	in.Snaps = []catalog.ImportedSnap{one}
	s.add(in, s.stack.SnapDeclaration(l.SnapID, name, "acme", assertiontest.Headers{"revision": fmt.Sprint(s.imports)}))
	return "push of " + name + ": " + s.apply(in)
}

// add adds assertions to an import.
func (s *changingStore) add(in *catalog.Import, list ...*assertion.Assertion) {
	for _, a := range list {
		in.Assertions = append(in.Assertions, catalog.Assertion{Type: a.Type(), PrimaryKey: a.Ref().PrimaryKey, Format: a.Format(), Revision: a.Revision(), Raw: a.Raw()})
	}
}

// pushAssertions brings assertions that list snaps, control refreshes, or pin components.
func (s *changingStore) pushAssertions() string {
	in, name := s.newImport(), s.name()
	revision := assertiontest.Headers{"revision": fmt.Sprint(s.imports)}
	listed := func(name string) map[string]any {
		return map[string]any{"name": name, "id": changingID(name), "type": "app"}
	}
	switch s.r.IntN(6) {
	case 0:
		set := listed(name)
		set["presence"], set["revision"] = "required", fmt.Sprint(1+s.r.IntN(3))
		set["components"] = map[string]any{"docs": map[string]any{"presence": "optional", "revision": fmt.Sprint(1 + s.r.IntN(3))}}
		s.add(in, s.acme.ValidationSet("tools", 1+s.r.IntN(3), []any{set}, revision))
	case 1:
		s.add(in, s.stack.SnapDeclaration(changingID(name), name, "acme", assertiontest.Headers{"revision": fmt.Sprint(s.imports), "refresh-control": []any{changingID(s.name())}}))
	case 2:
		s.add(in, s.acme.Sign(assertiontest.Headers{"type": "validation", "series": "16", "snap-id": changingID(s.name()), "approved-snap-id": changingID(name), "approved-snap-revision": fmt.Sprint(1 + s.r.IntN(4))}, revision))
	case 3:
		s.add(in, s.acme.Model("m-"+name, assertiontest.Headers{"revision": fmt.Sprint(s.imports), "snaps": []any{listed(name), listed("jq")}}))
	case 4:
		s.add(in, s.stack.Store("acme-friend", "acme", "https://friend.example", assertiontest.Headers{"revision": fmt.Sprint(s.imports), "friendly-stores": []any{[]string{"acme", "acme-lab"}[s.r.IntN(2)]}}))
	case 5:
		s.add(in, s.stack.SnapRevision(changingID(name), 1+s.r.IntN(4), "acme", assertiontest.BlobOf([]byte(name)), revision))
	}
	return "assertions about " + name + ": " + s.apply(in)
}

// pushStore brings the list of private snaps of a store.
func (s *changingStore) pushStore() string {
	in := s.newImport()
	id := []string{"acme", "acme-lab"}[s.r.IntN(2)]
	st := snap.Store{ID: id, Name: id, BrandID: []string{"acme", ""}[s.r.IntN(2)]}
	for _, name := range changingNames[2:] {
		if s.chance(2) {
			st.Snaps = append(st.Snaps, snap.StoreSnap{Name: name, SnapID: changingID(name)})
		}
	}
	in.Stores = []snap.Store{st}
	return fmt.Sprint("list of ", id, " ", st.Snaps, ": ", s.apply(in))
}

func (s *changingStore) pushCharm() string {
	in, name := s.newImport(), []string{"pg", "mysql"}[s.r.IntN(2)]
	id := strings.Repeat(name[:1], 32)
	n := 1 + s.r.IntN(3)
	d := s.blobs.put(fmt.Sprint("charm ", name, n))
	in.Blobs = []catalog.Blob{{Digest: d, Size: 10}}
	base := charm.Base{Name: "ubuntu", Channel: "22.04", Architecture: "amd64"}
	in.Charms = []catalog.ImportedCharm{{Listing: charm.Listing{Name: name, ID: id, Type: charm.TypeCharm, Result: charm.Details{Summary: fmt.Sprint("of ", s.imports)},
		ChannelMap: []charm.Release{{Channel: "latest/stable", Base: &base, Revision: n, ReleasedAt: "2026-01-02T03:04:05.123456+00:00"}}}}}
	in.CharmRevisions = []catalog.ImportedCharmRevision{{Blob: d, Item: charm.Item{Name: name, ID: id, Revision: charm.Revision{Number: n, Version: fmt.Sprint(n), MetadataYAML: "name: " + name, Bases: []*charm.Base{&base}}}}}
	return "charm " + name + ": " + s.apply(in)
}

func (s *changingStore) override() string {
	name := s.name()
	change := catalog.OverrideChange{Name: name, Channel: []string{"latest/stable", "latest/edge", "pilot/stable"}[s.r.IntN(3)], Revision: s.r.IntN(4), Own: s.chance(2)}
	_, err := s.db.SetOverrides(s.t.Context(), "op", []catalog.OverrideChange{change})
	return fmt.Sprintf("override %+v: %v", change, err)
}

// holding chooses a snap, a charm or all.
func (s *changingStore) holding() catalog.Holding {
	switch s.r.IntN(4) {
	case 0:
		return catalog.Holding{Kind: catalog.ItemCharm, Name: "pg"}
	case 1:
		return catalog.Holding{}
	}
	return catalog.Holding{Kind: catalog.ItemSnap, Name: s.name()}
}

func (s *changingStore) hold() string {
	h := s.holding()
	if s.chance(2) {
		until := time.Now().Add(time.Duration(s.r.IntN(200)) * time.Millisecond)
		h.Until = &until
	}
	_, err := s.db.Hold(s.t.Context(), h)
	return fmt.Sprintf("hold %+v: %v", h, err)
}

func (s *changingStore) release() string {
	h := s.holding()
	_, err := s.db.Release(s.t.Context(), h)
	return fmt.Sprintf("release %+v: %v", h, err)
}

func (s *changingStore) rollback() string {
	_, err := s.db.Rollback(s.t.Context(), catalog.Rollback{By: "op"})
	return fmt.Sprint("rollback: ", err)
}

func (s *changingStore) remove() string {
	item := catalog.Item{Kind: catalog.ItemSnap, Name: s.name(), Whole: s.chance(2)}
	if s.chance(5) {
		item = catalog.Item{Kind: catalog.ItemCharm, Name: "pg", Whole: true}
	}
	if !item.Whole {
		item.Revisions = []int{1 + s.r.IntN(4)}
	}
	choose := func(c *catalog.Snapshot) ([]catalog.Item, error) {
		if slices.ContainsFunc(c.Charms, func(ch catalog.Charm) bool { return item.Kind == catalog.ItemCharm && ch.Name == item.Name }) {
			return []catalog.Item{item}, nil
		}
		for _, sn := range c.Snaps {
			for _, r := range sn.Revisions {
				if sn.Name == item.Name && (item.Whole || r.Number == item.Revisions[0]) {
					return []catalog.Item{item}, nil
				}
			}
		}
		return nil, nil
	}
	_, err := s.db.Remove(s.t.Context(), &catalog.Removal{Reason: catalog.ReasonRemove, By: "op", Choose: choose,
		Approve: func(_, _ *catalog.Snapshot, _ *catalog.Removed) error { return nil }})
	return fmt.Sprintf("remove %+v: %v", item, err)
}
