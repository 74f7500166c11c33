//go:build unix

package pgcluster_test

import (
	"strings"
	"testing"

	"offlinestore/instance/pgcluster"
)

func TestCommand(t *testing.T) {
	t.Parallel()
	c := start(t, existing(t))
	run(t, c, `CREATE TABLE told_of_in_the_dump ()`)
	out, err := c.Command(t.Context(), "pg_dump", "postgres").Output()
	if err != nil || !strings.Contains(string(out), "told_of_in_the_dump") {
		t.Errorf("pg_dump wrote %d bytes, %v; want the table in them", len(out), err)
	}
}

func TestFindClient(t *testing.T) {
	t.Parallel()
	needPostgreSQL(t)
	if path, err := pgcluster.FindClient(t.Context(), "pg_dump", pgcluster.MinVersion); err != nil || !strings.HasSuffix(path, "/pg_dump") {
		t.Errorf("FindClient = %q, %v; want a path", path, err)
	}
	if path, err := pgcluster.FindClient(t.Context(), "pg_dump", 9999); err == nil || !strings.Contains(err.Error(), "postgresql-client-9999") {
		t.Errorf("FindClient of a version that isn't there = %q, %v; want to be told the package", path, err)
	}
}
