package store_test

import (
	"errors"
	"testing"

	"offlinestore/internal/pgtest"
	"offlinestore/store"
)

func TestFacts(t *testing.T) {
	t.Parallel()
	dsn := pgtest.New(t)
	version, err := store.CheckEmpty(t.Context(), dsn)
	if err != nil || version < store.MinVersion {
		t.Errorf("CheckEmpty of an empty database = %d, %v; want its version", version, err)
	}
	s, err := store.Open(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	known, err := store.KnownSchema()
	if err != nil {
		t.Fatal(err)
	}
	f, err := s.Facts(t.Context())
	if err != nil || f.PostgreSQL != version || f.Schema != known || f.Size <= 0 {
		t.Errorf("Facts = %+v, %v; want PostgreSQL %d and schema %d", f, err, version, known)
	}
	if _, err := store.CheckEmpty(t.Context(), dsn); !errors.Is(err, store.ErrNotEmpty) {
		t.Errorf("CheckEmpty of the catalogue: %v, want ErrNotEmpty", err)
	}
}
