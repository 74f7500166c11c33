// Package bundletest makes bundles of snaps and charms that exist only in tests, good ones and bad ones, and reads back
// the contents of a store.
//
// The public keys of package assertiontest sign the assertions. Each key that signs a bundle is derived from a name.
package bundletest

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/sha3"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"offlinestore/assertion"
	"offlinestore/bundle"
	"offlinestore/internal/assertiontest"
	"offlinestore/internal/upstreamtest"
	"offlinestore/snap"
)

// Key returns the signing key of a name.
func Key(name string) ed25519.PrivateKey {
	sum := sha256.Sum256([]byte("offlinestore bundletest " + name))
	return ed25519.NewKeyFromSeed(sum[:])
}

// Public returns the public half of a key.
func Public(tb testing.TB, key ed25519.PrivateKey) bundle.PublicKey {
	tb.Helper()
	k, err := bundle.NewPublicKey(key.Public())
	if err != nil {
		tb.Fatal(err)
	}
	return k
}

// Bundle is a bundle in the making. A test may change its fields before it is written, to make a bad bundle.
type Bundle struct {
	Snaps     []*bundle.Snap
	Revisions []*bundle.SnapRevision

	Charms         []*bundle.Charm
	CharmRevisions []*bundle.CharmRevision
	CharmResources []*bundle.CharmResource
	Images         []*bundle.ImageManifest

	// Assertions are the assertions that no snap leads to, and Stores the stores of brands.
	Assertions []*bundle.Assertion
	Stores     []*bundle.Store
	// Repositories have the images that belong to no charm.
	Repositories []*bundle.Repository

	Predicate bundle.Predicate
	Key       ed25519.PrivateKey
	// Stack signs the assertions.
	Stack *assertiontest.Stack

	tb       testing.TB
	contents map[digest.Digest]func() io.Reader
}

// stack is shared by all tests, because its keys take a while to sign.
var stack = sync.OnceValues(assertiontest.New)

func newStack(tb testing.TB) *assertiontest.Stack {
	tb.Helper()
	s, err := stack()
	if err != nil {
		tb.Fatal(err)
	}
	own := *s // a test may change the copy
	return &own
}

// New returns an empty bundle, signed with the key "exporter" at assertiontest.Time and days later.
func New(tb testing.TB, days int) *Bundle {
	tb.Helper()
	return &Bundle{
		Predicate: bundle.Predicate{Created: assertiontest.Time().Add(time.Duration(days) * 24 * time.Hour), Exporter: "test@bundletest", Program: "bundletest"},
		Key:       Key("exporter"), Stack: newStack(tb), tb: tb, contents: make(map[digest.Digest]func() io.Reader),
	}
}

// Blob returns a blob of size bytes. The bytes do not compress, are derived from the seed and are not kept.
func (b *Bundle) Blob(seed string, size int64) bundle.Blob {
	b.tb.Helper()
	return b.blob(func() io.Reader { return io.LimitReader(rand.NewChaCha8(sha256.Sum256([]byte(seed))), size) })
}

// BlobOf returns a blob with this content.
func (b *Bundle) BlobOf(content []byte) bundle.Blob {
	b.tb.Helper()
	return b.blob(func() io.Reader { return bytes.NewReader(content) })
}

// Content returns the content of a blob.
func (b *Bundle) Content(d digest.Digest) []byte {
	b.tb.Helper()
	r, err := b.openBlob(d)
	if err != nil {
		b.tb.Fatal(err)
	}
	content, err := io.ReadAll(r)
	if err != nil {
		b.tb.Fatal(err)
	}
	return content
}

func (b *Bundle) blob(open func() io.Reader) bundle.Blob {
	b.tb.Helper()
	sum, sum3 := sha256.New(), sha3.New384()
	n, err := io.Copy(io.MultiWriter(sum, sum3), open())
	if err != nil {
		b.tb.Fatal(err)
	}
	out := bundle.Blob{Digest: digest.NewDigest(digest.SHA256, sum), Size: n, SHA3384: [48]byte(sum3.Sum(nil))}
	b.contents[out.Digest] = open
	return out
}

// Add adds a snap of amd64 with one revision of size bytes, released to latest/stable.
func (b *Bundle) Add(name string, revision int, size int64) *Bundle {
	b.tb.Helper()
	b.AddSnap(name, snap.Release{Architecture: "amd64", Channel: "latest/stable", Revision: revision})
	b.AddRevision(name, revision, b.Blob(fmt.Sprintf("%s_%d", name, revision), size))
	return b
}

// AddSnap adds a snap by name, with its channel map.
func (b *Bundle) AddSnap(name string, channels ...snap.Release) *bundle.Snap {
	b.tb.Helper()
	s := &bundle.Snap{
		Listing: snap.Listing{
			Name: name, SnapID: upstreamtest.ID(name), ChannelMap: channels,
			Snap: snap.Details{Title: name, Summary: "A snap of a test", Publisher: snap.Publisher{ID: assertiontest.RootID, Username: assertiontest.RootID}},
		},
		Assertions: b.Stream(b.Stack.SnapDeclaration(upstreamtest.ID(name), name, assertiontest.RootID, nil)),
	}
	b.Snaps = append(b.Snaps, s)
	return s
}

// AddRevision adds a revision for amd64 with the blobs of its components, called comp1, comp2 and so on, all of revision 1.
func (b *Bundle) AddRevision(name string, revision int, blob bundle.Blob, components ...bundle.Blob) *bundle.SnapRevision {
	b.tb.Helper()
	return b.addRevision(name, revision, blob, components, func(int) int { return 1 })
}

// AddRevisionWith adds a revision for amd64 with these revisions of its components, called comp1, comp2 and so on.
func (b *Bundle) AddRevisionWith(name string, revision int, blob bundle.Blob, components ...int) *bundle.SnapRevision {
	b.tb.Helper()
	blobs := make([]bundle.Blob, len(components))
	for i, n := range components {
		blobs[i] = b.Blob(fmt.Sprintf("%s+comp%d_%d", name, i+1, n), int64(300+n))
	}
	return b.addRevision(name, revision, blob, blobs, func(i int) int { return components[i] })
}

func (b *Bundle) addRevision(name string, revision int, blob bundle.Blob, components []bundle.Blob, revisionOf func(int) int) *bundle.SnapRevision {
	b.tb.Helper()
	id := upstreamtest.ID(name)
	base := "core24"
	r := &bundle.SnapRevision{
		Item: snap.Item{Name: name, SnapID: id, Revision: snap.Revision{
			Architectures: []string{"amd64"}, Base: &base, Confinement: "strict", Download: download(blob), Number: revision, Type: "app",
			Version: fmt.Sprintf("1.%d", revision), Epoch: snap.Epoch{Read: []uint32{0}, Write: []uint32{0}},
		}},
		Blob: blob, Components: components,
	}
	as := []*assertion.Assertion{b.Stack.SnapRevision(id, revision, assertiontest.RootID, asserted(blob), nil)}
	for i, c := range components {
		n, number := fmt.Sprintf("comp%d", i+1), revisionOf(i)
		r.Revision.Resources = append(r.Revision.Resources, snap.Resource{Name: n, Revision: number, Type: "component/standard", Download: download(c)})
		as = append(as, b.Stack.SnapResourceRevision(id, n, number, assertiontest.RootID, asserted(c), nil),
			b.Stack.SnapResourcePair(id, n, number, revision, assertiontest.RootID, nil))
	}
	r.Assertions = b.Stream(as...)
	b.Revisions = append(b.Revisions, r)
	return r
}

// SignRevision replaces the assertions of a revision with a snap-revision that has these changes.
func (b *Bundle) SignRevision(r *bundle.SnapRevision, changes assertiontest.Headers) {
	b.tb.Helper()
	r.Assertions = b.Stream(b.Stack.SnapRevision(r.SnapID, r.Revision.Number, assertiontest.RootID, asserted(r.Blob), changes))
}

// Stream encodes assertions together with the keys that signed them.
func (b *Bundle) Stream(as ...*assertion.Assertion) []byte {
	b.tb.Helper()
	var out bytes.Buffer
	keys := b.Stack.Base()
	if b.Stack.RootAccountKey.SignKeyID() != newStack(b.tb).RootAccountKey.SignKeyID() {
		keys = append(keys, b.Stack.RootAccountKey) // the key of a root that nobody trusts
	}
	if err := assertion.EncodeAll(&out, append(keys, as...)); err != nil {
		b.tb.Fatal(err)
	}
	return out.Bytes()
}

// UntrustedStack returns a root that poses as the test root. It signs the same assertions with other keys.
func UntrustedStack(tb testing.TB) *assertiontest.Stack {
	tb.Helper()
	s := &assertiontest.Stack{RootKey: signingKey(tb, "other"), StoreKey: signingKey(tb, "brand")}
	s.RootAccountKey = s.AccountKey(assertiontest.RootID, "root", s.RootKey, nil)
	s.StoreAccountKey = s.AccountKey(assertiontest.RootID, "store", s.StoreKey, nil)
	return s
}

// ExpireStoreKey sets the end of the store's key to a day before the bundle is signed. That key signs nearly all
// assertions.
func (b *Bundle) ExpireStoreKey() {
	until := b.Predicate.Created.Add(-24 * time.Hour).Format(time.RFC3339)
	b.Stack.StoreAccountKey = b.Stack.AccountKey(assertiontest.RootID, "store", b.Stack.StoreKey, assertiontest.Headers{"until": until})
}

func signingKey(tb testing.TB, name string) *assertion.SigningKey {
	tb.Helper()
	private, err := assertiontest.PrivateKey(name)
	if err != nil {
		tb.Fatal(err)
	}
	key, err := assertion.NewSigningKey(private)
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

func download(b bundle.Blob) snap.Download {
	return snap.Download{SHA3384: hex.EncodeToString(b.SHA3384[:]), Size: b.Size}
}

func asserted(b bundle.Blob) assertiontest.Blob {
	return assertiontest.Blob{SHA3_384: b.SHA3384[:], Size: b.Size}
}

// Tar returns the packed bundle.
func (b *Bundle) Tar(c bundle.Compression) []byte {
	b.tb.Helper()
	var out bytes.Buffer
	b.writeTo(&out, c)
	return out.Bytes()
}

// WriteFile writes the packed bundle, which may be larger than the memory.
func (b *Bundle) WriteFile(path string, c bundle.Compression) {
	b.tb.Helper()
	f, err := os.Create(path)
	if err != nil {
		b.tb.Fatal(err)
	}
	b.writeTo(f, c)
	if err := f.Close(); err != nil {
		b.tb.Fatal(err)
	}
}

func (b *Bundle) writeTo(w io.Writer, c bundle.Compression) {
	b.tb.Helper()
	if err := b.seal().WriteTar(b.tb.Context(), w, c, b.openBlob, nil); err != nil {
		b.tb.Fatal(err)
	}
}

func (b *Bundle) seal() *bundle.SignedBundle {
	b.tb.Helper()
	sealed, err := b.Builder().Seal(b.tb.Context(), b.Predicate, b.Key)
	if err != nil {
		b.tb.Fatal(err)
	}
	return sealed
}

func (b *Bundle) openBlob(dg digest.Digest) (io.ReadCloser, error) {
	open, ok := b.contents[dg]
	if !ok {
		return nil, fmt.Errorf("no blob %s", dg)
	}
	return io.NopCloser(open()), nil
}
