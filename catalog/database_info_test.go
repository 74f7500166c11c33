package catalog_test

import (
	"errors"
	"testing"

	"offlinestore/catalog"
	"offlinestore/internal/pgtest"
)

func TestDatabaseInfo(t *testing.T) {
	t.Parallel()
	dsn := pgtest.New(t)
	version, err := catalog.CheckEmpty(t.Context(), dsn)
	if err != nil || version < catalog.MinVersion {
		t.Errorf("CheckEmpty of an empty database = %d, %v; want its version", version, err)
	}
	s, err := catalog.Open(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	known, err := catalog.KnownSchema()
	if err != nil {
		t.Fatal(err)
	}
	f, err := s.DatabaseInfo(t.Context())
	if err != nil || f.PostgreSQL != version || f.Schema != known || f.Size <= 0 {
		t.Errorf("DatabaseInfo = %+v, %v; want PostgreSQL %d and schema %d", f, err, version, known)
	}
	if _, err := catalog.CheckEmpty(t.Context(), dsn); !errors.Is(err, catalog.ErrNotEmpty) {
		t.Errorf("CheckEmpty of the catalogue: %v, want ErrNotEmpty", err)
	}
}
