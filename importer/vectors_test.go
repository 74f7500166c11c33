package importer_test

import (
	"errors"
	"testing"
	"time"

	"offlinestore/importer"
	"offlinestore/internal/vectortest"
)

// vectorSite returns a store that trusts the root of the vectors, at a time after all of them were signed.
func vectorSite(t *testing.T, index *vectortest.Index) *site {
	t.Helper()
	s := newSite(t)
	s.Trust = index.Trust(t)
	s.Now = func() time.Time { return time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC) }
	return s
}

// pushVector imports a vector with the keys that the index names for it.
func (s *site) pushVector(t *testing.T, v *vectortest.Bundle) error {
	t.Helper()
	s.Signers = v.TrustedKeys(t)
	_, err := s.pushDir(vectortest.File(v.Path))
	return err
}

// TestHostileVectors imports all hostile vectors into one store, which must refuse each for the reason that the index gives, and
// serve nothing afterwards.
func TestHostileVectors(t *testing.T) {
	t.Parallel()
	index := vectortest.Load(t)
	s := vectorSite(t, index)
	for _, v := range index.Bundles {
		if v.Result == vectortest.Valid {
			continue
		}
		if err := s.pushVector(t, &v); vectortest.ResultOf(err) != v.Result {
			t.Errorf("%s: got %q (%v), want %q", v.Path, vectortest.ResultOf(err), err, v.Result)
		}
	}
	if c := s.served(); len(c.Snaps)+len(c.Charms)+len(c.Assertions)+len(c.Images) > 0 {
		t.Errorf("serves %d snaps, %d charms, %d assertions and %d images of bundles that were refused", len(c.Snaps), len(c.Charms), len(c.Assertions), len(c.Images))
	}
}

// TestValidVectors imports each valid vector into a store of its own.
func TestValidVectors(t *testing.T) {
	t.Parallel()
	index := vectortest.Load(t)
	for _, v := range index.Bundles {
		if v.Result != vectortest.Valid {
			continue
		}
		t.Run(v.Path, func(t *testing.T) {
			t.Parallel()
			s := vectorSite(t, index)
			err := s.pushVector(t, &v)
			if e, lacks := errors.AsType[*importer.ExpectedError](err); lacks && len(e.Missing) > 0 {
				return // an increment is valid, and this store has nothing
			}
			if errors.Is(err, importer.ErrPart) {
				return // a part is valid, and waits for others
			}
			if err != nil {
				t.Fatal(err)
			}
			if c := s.served(); len(c.Snaps)+len(c.Charms)+len(c.Repositories) == 0 {
				t.Error("nothing is served")
			}
		})
	}
}
