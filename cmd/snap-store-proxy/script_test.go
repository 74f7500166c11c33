//go:build linux

package main_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"offlinestore/catalog"
	"offlinestore/instance/pgcluster"
	"offlinestore/internal/pgtest"
)

// longScripts make clusters of PostgreSQL, large keys or many logins.
var longScripts = []string{"admin-roles", "admin-tls", "backup", "images", "models", "private-admin", "private-audit", "private-cluster", "private-root"}

// TestScripts runs the scripts in testdata/script, each on a host of its own: a data folder, and an empty database.
// Scripts whose name begins with private- use the private cluster, which takes a moment to make.
//
// In addition to testscript's own commands and variables there are:
//
//	site            use the database, trust the exporters and the simulated store's root
//	asuser USER …   run a command as another user (only if root runs the tests)
//	get [-code N] [-until RE] URL   ask a server, after it listens, and print the answer
//	slow URL, finish                begin a download, and later read the rest of it
//	sql STATEMENT   run a statement on the script's database, as its owner
//	flip FILE N     flip a bit of a file's byte N
//	signal TERM srv send a signal to the process in the background
//	listening ADDR  wait until a server listens there, or with ! until none does
//	upstream [tls|up|down]   begin a simulated store at $UPSTREAM, and make it answer or not
//	admin CODE …    run store-admin, and check its exit code
//	runsas USER     check that the process in the background has the rights of that user
//	listeners PORT  check that the process in the background listens on that TCP port and no other
//
//	$BUNDLES  the exporter's bundles: see fixture       $DSN, $DATABASE  the database, $SERVER_DSN a role's
//	$ADDR     a free address                            $SNAP_COMMON  the data folder
//	$PORT, $PORT2  its port, and another free one
//	$BIG      the path of a snap that takes a while to download
//	$HELLO    the path of revision 38 of hello
//	$LAYER    the path of a layer of app's image in the data folder
func TestScripts(t *testing.T) {
	t.Parallel()
	scripts, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("find the scripts: %v", err)
	}
	if _, _, err := pgcluster.Find(); err != nil && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	f, err := newFixture(t)
	if err != nil {
		t.Fatal(err)
	}
	for _, script := range scripts {
		name := strings.TrimSuffix(filepath.Base(script), ".txtar")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if testing.Short() && slices.Contains(longScripts, name) {
				t.Skip("takes seconds of CPU time; CI runs it")
			}
			dsn := ""
			if !strings.HasPrefix(name, "private-") {
				dsn = pgtest.NewFrom(t, migrated)
			}
			testscript.Run(t, testscript.Params{
				Files: []string{script}, WorkdirRoot: tempDir(t), RequireExplicitExec: true, RequireUniqueNames: true,
				Deadline: time.Now().Add(6 * time.Minute), // a server that should have refused to start would serve for ever
				Cmds:     commands(), Condition: condition, Setup: func(e *testscript.Env) error { return f.setup(e, dsn) },
			})
		})
	}
}

// migrated makes the tables.
func migrated(dsn string) error {
	s, err := catalog.Open(context.Background(), dsn)
	if err == nil {
		s.Close()
	}
	return err
}

func condition(cond string) (bool, error) { return cond == "root" && os.Geteuid() == 0, nil }
