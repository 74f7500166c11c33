package bundle_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/sha3"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"offlinestore/bundle"
	"offlinestore/snap"
)

// content is a bundle together with the values that tests compare with.
type content struct {
	snaps     []*bundle.Snap
	revisions []*bundle.SnapRevision
	charmContent
	extras
	blobs     map[digest.Digest][]byte // the payload
	predicate bundle.Predicate
}

// testKey returns the key that signs all bundles of tests.
func testKey() ed25519.PrivateKey { return keyFrom("test") }

func keyFrom(seed string) ed25519.PrivateKey {
	sum := sha256.Sum256([]byte("offlinestore bundle " + seed))
	return ed25519.NewKeyFromSeed(sum[:])
}

func publicOf(tb testing.TB, key crypto.Signer) bundle.PublicKey {
	tb.Helper()
	k, err := bundle.NewPublicKey(key.Public())
	if err != nil {
		tb.Fatal(err)
	}
	return k
}

func trusted(tb testing.TB) []bundle.PublicKey {
	tb.Helper()
	return []bundle.PublicKey{publicOf(tb, keyFrom("another")), publicOf(tb, testKey())}
}

const (
	jqID     = "99T7MUlRhtI3U0QFgl5mXXESAiSwt776"
	core24ID = "dwTAh7MZZ01zyriOZErqd1JynQLiOGvM"
)

// sample returns a small bundle with one of everything: two snaps, three revisions, components, an icon, a closed channel, and a
// blob that two revisions share.
func sample(tb testing.TB) *content {
	tb.Helper()
	c := &content{blobs: make(map[digest.Digest][]byte), predicate: bundle.Predicate{
		Created: time.Date(2026, 11, 20, 10, 15, 0, 0, time.UTC), Exporter: "ubuntu@laptop", Program: "store-admin 1.0", Sequence: 7,
		Request: bundle.Request{Snaps: []string{"jq"}, Channels: []string{"stable"}, Architectures: []string{"amd64", "arm64"}},
	}}
	base := "core24"
	c.snaps = append(c.snaps,
		&bundle.Snap{
			Listing: snap.Listing{
				Name: "jq", SnapID: jqID, DefaultTrack: "latest",
				Snap: snap.Details{Title: "jq <&> ü", Summary: "JSON", Publisher: snap.Publisher{ID: "publisher1", Username: "mvo"}},
				ChannelMap: []snap.Release{
					{Architecture: "amd64", Channel: "latest/stable", Revision: 6, ReleasedAt: "2024-02-03T04:05:06Z"},
					{Architecture: "arm64", Channel: "latest/stable", Revision: 10},
					{Architecture: "arm64", Channel: "latest/edge"},
				},
			},
			Assertions: []byte("type: snap-declaration\n\nsignature\n"),
			Icon:       &bundle.Icon{MediaType: "image/png", Data: []byte("\x89PNG picture")},
		},
		&bundle.Snap{
			Listing: snap.Listing{Name: "core24", SnapID: core24ID,
				ChannelMap: []snap.Release{{Architecture: "amd64", Channel: "latest/stable", Revision: 1196}}},
			Assertions: []byte("type: account\n\nsignature\n"),
		})
	shared := c.blob(700, "shared")
	c.addSnap("jq", jqID, 6, "amd64", &base, c.blob(3000, "jq_6"), shared)
	c.addSnap("jq", jqID, 10, "arm64", &base, c.blob(512, "jq_10"), shared, c.blob(1, "tiny"))
	c.addSnap("core24", core24ID, 1196, "amd64", nil, c.blob(70_000, "core24"))
	return c
}

// blob makes a blob of n bytes that can't be compressed.
func (c *content) blob(n int, seed string) bundle.Blob {
	b := make([]byte, n)
	rand.NewChaCha8(sha256.Sum256([]byte(seed))).Read(b)
	return c.put(b)
}

func (c *content) put(b []byte) bundle.Blob {
	d := digest.FromBytes(b)
	c.blobs[d] = b
	return bundle.Blob{Digest: d, Size: int64(len(b)), SHA3384: sha3.Sum384(b)}
}

func download(b bundle.Blob) snap.Download {
	return snap.Download{SHA3384: hex.EncodeToString(b.SHA3384[:]), Size: b.Size}
}

func (c *content) addSnap(name, id string, revision int, arch string, base *string, blob bundle.Blob, components ...bundle.Blob) {
	r := &bundle.SnapRevision{
		Item: snap.Item{Name: name, SnapID: id, Revision: snap.Revision{
			Architectures: []string{arch}, Base: base, Confinement: "strict", Download: download(blob), Number: revision, Type: "app", Version: "1.7",
			Epoch: snap.Epoch{Read: []uint32{0}, Write: []uint32{0}}, // as the parser returns it
		}},
		Assertions: fmt.Appendf(nil, "type: snap-revision\nsnap-revision: %d\n\nsignature\n", revision),
		Blob:       blob, Components: components,
	}
	for i, b := range components {
		r.Revision.Resources = append(r.Revision.Resources, snap.Resource{
			Name: fmt.Sprintf("comp%c", 'a'+i), Revision: i + 1, Type: "component/standard", Download: download(b)})
	}
	c.revisions = append(c.revisions, r)
}

func (c *content) builder(tb testing.TB) *bundle.Builder {
	tb.Helper()
	d := &bundle.Builder{}
	for _, s := range c.snaps {
		if err := d.AddSnap(s); err != nil {
			tb.Fatal(err)
		}
	}
	for _, r := range c.revisions {
		if err := d.AddRevision(r); err != nil {
			tb.Fatal(err)
		}
	}
	if err := c.addCharms(d); err != nil {
		tb.Fatal(err)
	}
	c.extras.add(tb, d)
	return d
}

func (c *content) seal(tb testing.TB) *bundle.SignedBundle {
	tb.Helper()
	s, err := c.builder(tb).Seal(tb.Context(), c.predicate, testKey())
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func (c *content) openBlob(d digest.Digest) (io.ReadCloser, error) {
	b, ok := c.blobs[d]
	if !ok {
		return nil, fmt.Errorf("no blob %s", d)
	}
	return io.NopCloser(bytes.NewReader(b)), nil
}

func (c *content) pack(tb testing.TB, s *bundle.SignedBundle, compression bundle.Compression) []byte {
	tb.Helper()
	var b bytes.Buffer
	if err := s.WriteTar(tb.Context(), &b, compression, c.openBlob, nil); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

// forge returns the same bundle for the forge.
func (c *content) forge() *forge {
	f := &forge{format: "1.0", predicate: `{"created":"2026-11-20T10:15:00Z","exporter":"ubuntu@laptop","program":"store-admin 1.0","sequence":7,` +
		`"request":{"snaps":["jq"],"channels":["stable"],"architectures":["amd64","arm64"]}}`}
	f.items = c.forgeCharms()
	if len(f.items) > 0 {
		f.format = "1.1"
	}
	if extra := c.forgeAssertions(); len(extra)+len(c.withdrawals) > 0 {
		f.format = "1.2"
		images := slices.IndexFunc(f.items, func(it *forgeItem) bool { return it.artifactType != "" })
		f.items = slices.Insert(f.items, max(images, 0), extra...)
	}
	f.items = append(f.items, c.forgeRepositories()...)
	// The order of the format for names that don't end in digits: revisions before snaps, jq_6 before jq_10.
	for _, r := range slices.SortedFunc(slices.Values(c.revisions), func(a, b *bundle.SnapRevision) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Revision.Number, b.Revision.Number))
	}) {
		f.items = append(f.items, c.forgeRevision(r))
	}
	for _, s := range slices.SortedFunc(slices.Values(c.snaps), func(a, b *bundle.Snap) int { return cmp.Compare(a.Name, b.Name) }) {
		it := &forgeItem{artifactType: vnd + "snap.v1", name: s.Name,
			config: &forgeBlob{mediaType: vnd + "snap.config.v1+json", data: toJSON(s.Listing)},
			layers: []*forgeBlob{{mediaType: "application/x.ubuntu.assertion", title: s.Name + ".assert", data: s.Assertions}}}
		if s.Icon != nil {
			it.layers = append(it.layers, &forgeBlob{mediaType: "image/png", title: s.Name + ".png", data: s.Icon.Data})
		}
		f.items = append(f.items, it)
	}
	f.items = slices.Concat(f.items, c.forgeStores(), c.forgeWithdrawals())
	if len(c.stores) > 0 {
		f.format = "1.3"
	}
	if len(c.repositories) > 0 {
		f.format = "1.4"
	}
	if c.format != "" {
		f.format = c.format
	}
	return f
}

func (c *content) forgeRevision(r *bundle.SnapRevision) *forgeItem {
	name := fmt.Sprintf("%s_%d", r.Name, r.Revision.Number)
	it := &forgeItem{artifactType: vnd + "snap.revision.v1", name: name,
		config: &forgeBlob{mediaType: vnd + "snap.revision.config.v1+json", data: toJSON(r.Item)},
		layers: []*forgeBlob{
			{mediaType: "application/x.ubuntu.assertion", title: name + ".assert", data: r.Assertions},
			c.forgePayload(vnd+"snap.blob.v1+squashfs", name+".snap", r.Blob),
		}}
	for i, b := range r.Components {
		res := slices.Concat(r.Revision.Resources, r.Revision.Further)[i]
		it.layers = append(it.layers, c.forgePayload(vnd+"snap.component.v1+squashfs", fmt.Sprintf("%s+%s_%d.comp", r.Name, res.Name, res.Revision), b))
	}
	for i, b := range r.Integrity {
		it.layers = append(it.layers, c.forgePayload(vnd+"snap.integrity.v1", fileName(name, r.Revision.Integrity[i]), b))
	}
	return it
}

func (c *content) forgePayload(mediaType, title string, b bundle.Blob) *forgeBlob {
	return &forgeBlob{mediaType: mediaType, title: title, sha3: hex.EncodeToString(b.SHA3384[:]), data: c.blobs[b.Digest]}
}

// receivedBundle holds everything that a reader delivers.
type receivedBundle struct {
	digest    digest.Digest
	predicate *bundle.Predicate
	key       bundle.PublicKey
	head      *bundle.Head
	blobs     map[digest.Digest][]byte
}

// receive reads a whole bundle, as an importer does.
func receive(ctx context.Context, r *bundle.Reader, keys []bundle.PublicKey) (*receivedBundle, error) {
	out := &receivedBundle{digest: r.Digest(), blobs: make(map[digest.Digest][]byte)}
	var err error
	if out.predicate, out.key, err = r.Verify(ctx, keys); err != nil {
		return nil, err
	}
	if out.head, err = r.Head(); err != nil {
		return nil, err
	}
	for {
		desc, blob, err := r.Next()
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		b, err := io.ReadAll(blob)
		if err != nil {
			return nil, err
		}
		out.blobs[desc.Digest] = b
	}
}

func receiveBytes(tb testing.TB, b []byte) (*receivedBundle, error) {
	tb.Helper()
	r, err := bundle.NewReader("test", bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return receive(tb.Context(), r, trusted(tb))
}

// receivePath reads a bundle by its path.
func receivePath(tb testing.TB, path string) (*receivedBundle, error) {
	tb.Helper()
	r, err := bundle.Open(path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return receive(tb.Context(), r, trusted(tb))
}

// refused reports whether package bundle refuses an input with err.
func refused(err error) bool {
	var unknown *bundle.UnknownSignerError
	return errors.Is(err, bundle.ErrCorrupt) || errors.Is(err, bundle.ErrBadSignature) || errors.Is(err, bundle.ErrTooNew) ||
		errors.Is(err, bundle.ErrNotBundle) || errors.As(err, &unknown)
}
