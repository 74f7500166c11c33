package pgcluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// MinVersion is the oldest major version of PostgreSQL that a cluster runs on.
const MinVersion = 13

// ErrNotInstalled means that the machine has no PostgreSQL server that is new enough.
var ErrNotInstalled = errors.New("no PostgreSQL 13 or newer on this machine: install the package `postgresql` (apt-get install postgresql), or set proxy.db.connection")

// binDirs are the folders in which Debian and Red Hat put the binaries of several versions beside each other.
var binDirs = [...]string{"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin"}

// install is one version of PostgreSQL's server binaries.
type install struct {
	bindir  string
	version int
}

// Find returns the newest PostgreSQL on this machine: the folder of its binaries and its major version.
func Find() (bindir string, version int, err error) {
	all := installs()
	if len(all) == 0 {
		return "", 0, ErrNotInstalled
	}
	return all[0].bindir, all[0].version, nil
}

// installs returns the usable versions, newest first. It uses the search path only if the usual folders hold none, since the first
// program on the path is often a wrapper.
func installs() []install {
	var found []install
	for _, pattern := range binDirs {
		// Glob's only error is a malformed pattern, which a constant never is.
		dirs, _ := filepath.Glob(pattern)
		for _, dir := range dirs {
			found = append(found, probe(dir)...)
		}
	}
	if len(found) == 0 {
		if path, err := exec.LookPath("postgres"); err == nil {
			if path, err = filepath.EvalSymlinks(path); err == nil {
				found = probe(filepath.Dir(path))
			}
		}
	}
	slices.SortStableFunc(found, func(a, b install) int { return b.version - a.version })
	return found
}

var (
	versionOutput = regexp.MustCompile(`^postgres \(PostgreSQL\) ([0-9]{1,4})`)
	// versionFolder is the end of a folder in binDirs. To read the version there saves every command the start of a program.
	versionFolder = regexp.MustCompile(`/(?:postgresql/|pgsql-)([0-9]{1,4})/bin$`)
)

// probe returns the version in dir, if it is usable. A folder with clients only, or with the remains of a removed version, is not.
func probe(dir string) []install {
	for _, name := range []string{"initdb", "postgres"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return nil
		}
	}
	m := versionFolder.FindStringSubmatch(dir)
	if m == nil {
		m = versionOutput.FindStringSubmatch(printedVersion(dir))
	}
	if m == nil {
		return nil
	}
	version, err := strconv.Atoi(m[1])
	if err != nil || version < MinVersion {
		return nil
	}
	return []install{{dir, version}}
}

// printedVersion returns the text with which the postgres in dir names its version, or none.
func printedVersion(dir string) string {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, filepath.Join(dir, "postgres"), "--version").Output()
	if err != nil {
		return ""
	}
	return string(out)
}

// VersionError reports that a cluster was made by a major version of PostgreSQL that this machine doesn't have.
type VersionError struct {
	// Dir is the folder of the cluster.
	Dir string
	// Have is the version that made the cluster, Want the newest one on this machine.
	Have, Want int
	// BinDir is the folder of the binaries of version Want.
	BinDir string
}

// Error names the version to install, or the command that upgrades the cluster.
func (e *VersionError) Error() string {
	msg := fmt.Sprintf("the cluster in %s is of PostgreSQL %d, and this machine has %d: install the package `postgresql-%d`",
		e.Dir, e.Have, e.Want, e.Have)
	if e.Have > e.Want {
		return msg
	}
	return msg + "; to upgrade the cluster, then run as the owner of that folder: " + e.command()
}

func (e *VersionError) command() string {
	dir, bin := quote(e.Dir), quote(e.BinDir)
	old := quote(filepath.Join(filepath.Dir(filepath.Dir(e.BinDir)), strconv.Itoa(e.Have), "bin"))
	return fmt.Sprintf("cd %s && %s/initdb -D data.new %s && %s/pg_upgrade -U %s -b %s -B %s -d data -D data.new && mv data data.%d && mv data.new data",
		dir, bin, initdbFlags, bin, Superuser, old, bin, e.Have)
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_/.+:@%-]+$`)

// quote returns s as a word of a shell's command line.
func quote(s string) string {
	if plainWord.MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
