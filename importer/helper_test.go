package importer_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"offlinestore/assertion"
	"offlinestore/blob"
	"offlinestore/bundle"
	"offlinestore/catalog"
	"offlinestore/importer"
	"offlinestore/internal/assertiontest"
	"offlinestore/internal/bundletest"
	"offlinestore/internal/pgtest"
)

// site is a store to import into.
type site struct {
	*importer.Importer
	t     testing.TB
	dsn   string
	blobs string
}

func newSite(t testing.TB) *site {
	t.Helper()
	return newSiteIn(t, t.TempDir())
}

// newSiteIn returns a store with its blobs in a folder.
func newSiteIn(t testing.TB, dir string) *site {
	t.Helper()
	s := &site{t: t, dsn: pgtest.NewFrom(t, bundletest.Migrate), blobs: filepath.Join(dir, "blobs")}
	db, err := catalog.Open(t.Context(), s.dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	folder, err := blob.Open(s.blobs)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { must(t, folder.Close()) })
	hasher := blob.NewHasher(0)
	t.Cleanup(hasher.Close)
	s.Importer = &importer.Importer{
		Store: db, Blobs: folder.Storage(), Hasher: hasher, Now: func() time.Time { return assertiontest.Time().Add(100 * 24 * time.Hour) },
		Signers: []bundle.PublicKey{bundletest.Public(t, bundletest.Key("another")), bundletest.Public(t, bundletest.Key("exporter"))},
		Trust:   assertiontest.NewStack(t).Trust(),
	}
	return s
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

// open reads the head of a packed bundle.
func (s *site) open(packed []byte) (*importer.Opened, error) {
	r, err := bundle.NewReader("test", bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	return s.Open(s.t.Context(), "test", r)
}

// push imports a packed bundle as push-snap does.
func (s *site) push(packed []byte) (*catalog.Report, error) {
	o, err := s.open(packed)
	if err != nil {
		return nil, err
	}
	return s.finish(o)
}

// pushDir imports a layout directory.
func (s *site) pushDir(dir string) (*catalog.Report, error) {
	r, err := bundle.Open(dir)
	if err != nil {
		return nil, err
	}
	o, err := s.Open(s.t.Context(), dir, r)
	if err != nil {
		return nil, err
	}
	return s.finish(o)
}

func (s *site) finish(o *importer.Opened) (*catalog.Report, error) {
	defer o.Close()
	staging, err := s.Verify(s.t.Context(), o, nil)
	if err != nil {
		return nil, err
	}
	verified, err := staging.Wait()
	if err != nil {
		return nil, err
	}
	return s.Apply(s.t.Context(), verified)
}

// mustPush imports a bundle that is good.
func (s *site) mustPush(packed []byte) *catalog.Report {
	s.t.Helper()
	r, err := s.push(packed)
	if err != nil {
		s.t.Fatalf("push: %v", err)
	}
	return r
}

// upToDate reports whether a push of a packed bundle would find nothing to do.
func (s *site) upToDate(packed []byte) bool {
	s.t.Helper()
	old := s.PushChannelMap
	defer func() { s.PushChannelMap = old }()
	b, _ := s.batch(write(s.t, s.t.TempDir(), "packed", packed))
	b.PushChannelMap = false
	must(s.t, b.Plan(s.t.Context()))
	return b.Files[0].UpToDate
}

// missing returns the number of bytes of a bundle that are still to be copied.
func (s *site) missing(packed []byte) int64 {
	s.t.Helper()
	b, _ := s.batch(write(s.t, s.t.TempDir(), "packed", packed))
	must(s.t, b.Plan(s.t.Context()))
	must(s.t, b.Files[0].Err)
	return b.Files[0].Missing
}

// plan returns the changes that importing a candidate would make.
func (s *site) plan(c importer.Candidate) *catalog.Report {
	s.t.Helper()
	out, _, err := s.PlanAll(s.t.Context(), []importer.Candidate{c})
	if err == nil {
		err = out[0].Err
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return out[0].Report
}

func (s *site) served() *catalog.Snapshot {
	s.t.Helper()
	return bundletest.Served(s.t, s.dsn, s.blobs)
}

// serves fails the test unless exactly these snaps are served.
func (s *site) serves(want *catalog.Snapshot) {
	s.t.Helper()
	if diff := cmp.Diff(want, s.served()); diff != "" {
		s.t.Errorf("what is served has changed (-before +after):\n%s", diff)
	}
}

// isRefusal reports whether a bundle was refused for its content, and not because of another failure.
func isRefusal(err error) bool {
	var signer *bundle.UnknownSignerError
	var mismatch *bundle.MismatchError
	var unverified *assertion.VerifyError
	var missing *assertion.MissingError
	return errors.Is(err, bundle.ErrCorrupt) || errors.Is(err, bundle.ErrNotBundle) || errors.Is(err, bundle.ErrTooNew) ||
		errors.Is(err, bundle.ErrBadSignature) || errors.As(err, &signer) || errors.As(err, &mismatch) || errors.As(err, &unverified) || errors.As(err, &missing)
}

// flip changes one bit of a file.
func flip(t testing.TB, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var b [1]byte
	if _, err := f.ReadAt(b[:], 0); err != nil && err != io.EOF {
		t.Fatal(err)
	}
	b[0] ^= 4
	if _, err := f.WriteAt(b[:], 0); err != nil {
		t.Fatal(err)
	}
}
