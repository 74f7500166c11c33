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

func TestWithoutPassword(t *testing.T) {
	t.Parallel()
	for dsn, want := range map[string]string{
		"postgres://u:secret@h/db":                                                       "postgres://u@h/db",
		"postgresql://u@a:1,b:2/db?target_session_attrs=read-write":                      "postgresql://u@a:1,b:2/db?target_session_attrs=read-write",
		"postgres://h?password=secret&user=u&pool_max_conns=3":                           "postgres://h?user=u",
		"postgres:///db?host=/run&pass%77ord=secret":                                     "postgres:///db?host=/run",
		`host=h  password='sec\'ret x' user = u`:                                         "host=h user=u",
		`password=secret host=h sslpassword=secret pool_max_conns=1 dbname='a b'`:        "host=h dbname='a b'",
		`host=h passfile=/p sslmode=verify-full default_query_exec_mode=simple_protocol`: "host=h passfile=/p sslmode=verify-full",
	} {
		if got, err := backup.WithoutPassword(dsn); err != nil || got != want {
			t.Errorf("withoutPassword(%q) = %q, %v; want %q", dsn, got, err, want)
		}
	}
	if _, err := backup.WithoutPassword("nothing"); err == nil {
		t.Error("something that is no connection string passed")
	}
}

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

// full is a disk that is.
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
