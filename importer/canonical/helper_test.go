package canonical_test

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"offlinestore/blob"
	"offlinestore/importer/canonical"
	"offlinestore/internal/assertiontest"
	"offlinestore/internal/canonicaltest"
)

// member is a file of an archive.
type member = canonicaltest.Member

// tarGz packs files as the original store-admin does.
func tarGz(t testing.TB, members ...member) string {
	t.Helper()
	return canonicaltest.TarGz(t, members...)
}

// store keeps blobs in memory. It knows no charm.
type store struct {
	t     testing.TB
	blobs map[blob.Digest]string
}

func newStore(t testing.TB) *store {
	t.Helper()
	return &store{t, make(map[blob.Digest]string)}
}

func (s *store) reader() *canonical.Reader {
	return &canonical.Reader{
		StoreBlob: s.storeBlob, Trust: assertiontest.NewStack(s.t).Trust(), Now: assertiontest.Time(),
		CharmID: func(string) (string, error) { return "", nil },
	}
}

func (s *store) storeBlob(r io.Reader, size int64, identify func(io.ReaderAt) (blob.Digest, error)) error {
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if int64(len(b)) != size {
		s.t.Errorf("StoreBlob was given %d bytes, want %d", len(b), size)
	}
	d, err := identify(bytes.NewReader(b))
	if err == nil {
		s.blobs[d] = string(b)
	}
	return err
}

// read reads a file of the original store-admin.
func (s *store) read(name, file string) (*canonical.Export, error) {
	return s.reader().ReadExport(s.t.Context(), name, strings.NewReader(file), int64(len(file)), nil)
}

// keepsNo fails the test if a blob contains the text.
func (s *store) keepsNo(secret string) {
	s.t.Helper()
	for d, content := range s.blobs {
		if strings.Contains(content, secret) {
			s.t.Errorf("blob %s has %q in it", d, secret)
		}
	}
}
