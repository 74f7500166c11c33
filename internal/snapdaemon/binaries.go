//go:build linux

package snapdaemon

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Binaries is one build of snapd.
type Binaries struct {
	Snap    string // path of the snap command
	LibDir  string // the contents of Debian's /usr/lib/snapd, with the daemon
	Version string // the version of the package

	trusts bool // the build reads trustedEnv
	newer  bool
}

// trustedEnv names the file whose assertions a build by BuildWithRoot trusts.
const trustedEnv = "OFFLINESTORE_TEST_TRUSTED"

// overlaySource is compiled into snapd's package sysdb. It panics if it can't add the root: a daemon without the root
// would only fail later, and less clearly.
const overlaySource = `package sysdb

import (
	"io"
	"os"

	"github.com/snapcore/snapd/asserts"
)

func init() {
	name := os.Getenv("` + trustedEnv + `")
	if name == "" {
		return
	}
	f, err := os.Open(name)
	if err != nil {
		panic(err)
	}
	defer f.Close()
	var roots []asserts.Assertion
	for dec := asserts.NewDecoder(f); ; {
		a, err := dec.Decode()
		if err == io.EOF {
			break
		}
		if err != nil {
			panic(err)
		}
		roots = append(roots, a)
	}
	InjectTrusted(roots)
}
`

// sourcePackages returns the packages of snapd's source and of its imports in Debian 12.
func sourcePackages() []string {
	return strings.Fields(`golang-github-snapcore-snapd-dev
golang-dbus-dev golang-github-boltdb-bolt-dev golang-github-coreos-go-systemd-dev
golang-github-gorilla-mux-dev golang-github-jessevdk-go-flags-dev golang-github-juju-ratelimit-dev
golang-github-mvo5-goconfigparser-dev golang-golang-x-crypto-dev golang-golang-x-sys-dev
golang-golang-x-term-dev golang-golang-x-xerrors-dev golang-gopkg-macaroon.v1-dev
golang-gopkg-mgo.v2-dev golang-gopkg-retry.v1-dev golang-gopkg-tomb.v2-dev
golang-gopkg-tylerb-graceful.v1-dev golang-gopkg-yaml.v2-dev golang-gopkg-yaml.v3-dev`)
}

// Stock returns Debian's own build of snapd. The test is skipped if the machine has no apt that offers it, and fails in
// CI.
func Stock(tb testing.TB) *Binaries {
	tb.Helper()
	need(tb, "apt-get", "dpkg-deb")
	names := []string{"snapd"}
	offers := mustOffer(tb, names)
	dir, err := cached("stock-"+cacheKey(offers), func(dir string) error { return aptUnpack(dir, names) })
	if err != nil {
		tb.Fatalf("unpack snapd: %v", err)
	}
	lib := filepath.Join(dir, "usr/lib/snapd")
	version, err := readVersion(lib)
	if err != nil {
		tb.Fatalf("read the version of snapd: %v", err)
	}
	return &Binaries{
		Snap:    filepath.Join(dir, "usr/bin/snap"),
		LibDir:  lib,
		Version: version,
	}
}

// BuildWithRoot returns a build of Debian's snapd source that trusts Options.TrustedRoot besides Canonical's root. The
// first call on a machine takes half a minute. The test is skipped if the machine has no apt that offers the source, and
// fails in CI.
func BuildWithRoot(tb testing.TB) *Binaries {
	tb.Helper()
	b := *Stock(tb)
	need(tb, "go")
	names := sourcePackages()
	offers := mustOffer(tb, names)
	key := "withroot-" + cacheKey(offers, b.Version, runtime.Version(), overlaySource)
	dir, err := cached(key, func(dir string) error { return build(dir, b.LibDir, names) })
	if err != nil {
		tb.Fatalf("build snapd: %v", err)
	}
	b.Snap, b.LibDir, b.trusts = filepath.Join(dir, "snap"), filepath.Join(dir, "lib"), true
	if program := os.Getenv(newerEnv); program != "" {
		b.useNewer(tb, program)
	}
	return &b
}

// newerEnv names the program of a newer snapd, which is the daemon and the snap command in one. It was built from snapd's source, with the
// tag nosecboot and with overlaySource in its package sysdb.
const newerEnv = "OFFLINESTORE_TEST_SNAPD"

// Newer reports whether the binaries are of a newer snapd than Debian's.
func (b *Binaries) Newer() bool { return b.newer }

// useNewer replaces the daemon and the snap command by a newer program.
func (b *Binaries) useNewer(tb testing.TB, program string) {
	tb.Helper()
	lib, bin := filepath.Join(tb.TempDir(), "lib"), tb.TempDir()
	err := os.CopyFS(lib, os.DirFS(b.LibDir))
	if err == nil {
		err = os.Remove(filepath.Join(lib, "snapd"))
	}
	for _, name := range []string{filepath.Join(lib, "snapd"), filepath.Join(bin, "snap")} {
		if err == nil {
			err = os.Symlink(program, name)
		}
	}
	if err != nil {
		tb.Fatalf("use the newer snapd %s: %v", program, err)
	}
	b.Snap, b.LibDir, b.newer = filepath.Join(bin, "snap"), lib, true
}

// build compiles snap and snapd into dir. The daemon looks for its helpers in its own folder, so dir becomes a copy of
// stockLib.
func build(dir, stockLib string, names []string) error {
	lib := filepath.Join(dir, "lib")
	if err := os.CopyFS(lib, os.DirFS(stockLib)); err != nil {
		return fmt.Errorf("copy snapd's helpers: %w", err)
	}
	if err := compile(dir, names); err != nil {
		return err
	}
	return os.Rename(filepath.Join(dir, "snapd"), filepath.Join(lib, "snapd"))
}

func compile(dir string, names []string) error {
	work, err := os.MkdirTemp(dir, "src-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	if err := aptUnpack(work, names); err != nil {
		return err
	}
	gopath := filepath.Join(work, "usr/share/gocode")
	source := filepath.Join(gopath, "src/github.com/snapcore/snapd")
	overlay, err := writeOverlay(work, filepath.Join(source, "asserts/sysdb/zz_trusted.go"))
	if err != nil {
		return err
	}
	env := []string{"GO111MODULE=off", "GOFLAGS=", "GOTOOLCHAIN=local", "GOPATH=" + gopath, "CGO_ENABLED=0"}
	// Without the tag nosecboot the build needs a TPM library that Debian doesn't have.
	_, err = tool(source, env, "go", "build", "-trimpath", "-tags", "nosecboot", "-overlay", overlay,
		"-o", dir+"/", "./cmd/snap", "./cmd/snapd")
	return err
}

// writeOverlay writes an overlay file that makes the build read the file target from dir.
func writeOverlay(dir, target string) (string, error) {
	src := filepath.Join(dir, "zz_trusted.go")
	if err := os.WriteFile(src, []byte(overlaySource), 0o600); err != nil {
		return "", err
	}
	text, err := json.Marshal(map[string]map[string]string{"Replace": {target: src}})
	if err != nil {
		return "", err
	}
	name := filepath.Join(dir, "overlay.json")
	return name, os.WriteFile(name, text, 0o600)
}

// cached returns a folder of this machine's cache. The first call for a key fills the folder with fill. Several test
// processes may ask at once.
func cached(key string, fill func(dir string) error) (string, error) {
	base, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	base = filepath.Join(base, "offlinestore-test", "snapd")
	if err := os.MkdirAll(base, 0o755); err != nil {
		return "", err
	}
	lock, err := os.OpenFile(filepath.Join(base, key+".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		return "", fmt.Errorf("lock %s: %w", lock.Name(), err)
	}
	final, partial := filepath.Join(base, key), filepath.Join(base, key+".partial")
	if _, err := os.Stat(final); err == nil {
		return final, nil
	}
	if err := os.RemoveAll(partial); err != nil { // a killed test may have left it
		return "", err
	}
	if err := os.Mkdir(partial, 0o755); err != nil {
		return "", err
	}
	if err := fill(partial); err != nil {
		return "", err
	}
	return final, os.Rename(partial, final)
}

// readVersion returns the version of Debian's snapd.
func readVersion(lib string) (string, error) {
	text, err := os.ReadFile(filepath.Join(lib, "info"))
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(text)) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), "VERSION="); ok {
			return v, nil
		}
	}
	return "", fmt.Errorf("%s has no VERSION", filepath.Join(lib, "info"))
}

// mustOffer returns the packages that apt offers, and ends the test if one of names is missing.
func mustOffer(tb testing.TB, names []string) []aptPackage {
	tb.Helper()
	offers, err := aptOffers(names)
	if err != nil {
		unavailable(tb, "apt doesn't have snapd (apt-get update may help): %v", err)
	}
	return offers
}

// need ends the test unless the machine has every program of names.
func need(tb testing.TB, names ...string) {
	tb.Helper()
	for _, n := range names {
		if _, err := exec.LookPath(n); err != nil {
			unavailable(tb, "%v", err)
		}
	}
}

// unavailable skips the test, or fails it in CI, which must have every tool.
func unavailable(tb testing.TB, format string, args ...any) {
	tb.Helper()
	if os.Getenv("CI") != "" {
		tb.Fatalf(format, args...)
	}
	tb.Skipf(format, args...)
}
