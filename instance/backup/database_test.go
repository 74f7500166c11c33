package backup_test

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"

	"offlinestore/catalog"
	"offlinestore/instance/backup"
	"offlinestore/internal/pgtest"
)

func TestDumpAndRestore(t *testing.T) {
	t.Parallel()
	from, to := pgtest.New(t), pgtest.New(t)
	s, err := catalog.Open(t.Context(), from)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	want, err := s.DatabaseInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var dump bytes.Buffer
	if err := (backup.Database{DSN: from, Version: want.PostgreSQL}).Dump(t.Context(), &dump); err != nil {
		t.Fatal(err)
	}
	target := backup.Database{DSN: to, Version: want.PostgreSQL}
	var tool *backup.ToolError
	if err := target.Restore(t.Context(), bytes.NewReader(dump.Bytes()[:dump.Len()*2/3])); !errors.As(err, &tool) || tool.Words == "" {
		t.Errorf("a dump that was cut off: %v, want what pg_restore said", err)
	}
	if _, err := catalog.CheckEmpty(t.Context(), to); err != nil {
		t.Errorf("after a dump that was cut off: %v, want nothing in the database", err)
	}
	if err := target.Restore(t.Context(), &dump); err != nil {
		t.Fatal(err)
	}
	again, err := catalog.Open(t.Context(), to)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if got, err := again.DatabaseInfo(t.Context()); err != nil || got.Schema != want.Schema || got.Generation != want.Generation {
		t.Errorf("restored: %+v, %v; want %+v", got, err, want)
	}
}

// full is a full disk.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

func TestDumpOntoFullDisk(t *testing.T) {
	t.Parallel()
	dsn := pgtest.New(t)
	if s, err := catalog.Open(t.Context(), dsn); err != nil {
		t.Fatal(err)
	} else {
		s.Close()
	}
	if err := (backup.Database{DSN: dsn, Version: catalog.MinVersion}).Dump(t.Context(), full{}); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Dump onto a full disk: %v, want ENOSPC", err)
	}
}

func TestNoClient(t *testing.T) {
	t.Parallel()
	dsn := pgtest.New(t)
	err := (backup.Database{DSN: dsn, Version: 9999}).Dump(t.Context(), &bytes.Buffer{})
	if err == nil || errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "postgresql-client-9999") {
		t.Errorf("Dump of a server newer than any pg_dump: %v, want the package to install", err)
	}
}
