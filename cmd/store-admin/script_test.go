package main

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"offlinestore/internal/upstreamtest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"store-admin": main})
}

// TestScripts runs testdata/script, each script with a simulated store and a home of its own.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		Setup:               setup,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Condition:           condition,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"admin": admin, "bundle": findBundle, "mode": checkMode, "flip": flip, "cut": cut, "requests": requests,
			"fault": fault, "store": change, "forget": forget, "atmost": atMost, "files": countFiles, "await": await, "free-of-secrets": freeOfSecrets,
			"registry": changeRegistry, "subst": substitute, "sso": changeSSO, "hidden": hidden, "model": writeModel, "brand": changeBrand, "offline": serveOffline, "receipt": writeReceipt, "want": writeWant, "identity": writeIdentity,
		},
	})
}

// key is the key of the simulated store in a script's values.
type key struct{}

// simulation is a script's simulated store.
type simulation struct {
	*upstreamtest.Store
	seen     int // the number of requests before the last forget
	peak     *peak
	registry *upstreamtest.Registry
	host     string // the host of the registry
	sso      *upstreamtest.SSO
	faulted  int // the number of requests for the path of the last fault of the SSO, before it
}

// payload is large enough to interrupt a download in the middle.
const payload = 256 << 10

func setup(env *testscript.Env) error {
	sso := upstreamtest.NewSSO()
	s, err := upstreamtest.Demo(upstreamtest.DemoOptions{Payload: payload, SSO: sso})
	if err != nil {
		return err
	}
	p := &peak{}
	srv := httptest.NewServer(p.count(s.Handler()))
	env.Defer(srv.Close)
	registry := upstreamtest.DemoRegistry()
	images := httptest.NewServer(registry.Handler())
	env.Defer(images.Close)
	if err := upstreamtest.DemoCharms(s, upstreamtest.DemoCharmsOptions{Registry: registry, Host: images.Listener.Addr().String()}); err != nil {
		return err
	}
	env.Values[key{}] = &simulation{Store: s, peak: p, registry: registry, host: images.Listener.Addr().String(), sso: sso}
	serveSSO(env, sso, s)
	if err := os.WriteFile(filepath.Join(env.WorkDir, "root.assert"), s.Stack.RootStream(), 0o644); err != nil {
		return err
	}
	env.Setenv("STORE_ADMIN_SNAP_STORE_URL", srv.URL)
	env.Setenv("OTHERSTORE", strings.Replace(srv.URL, "127.0.0.1", "localhost", 1))
	env.Setenv("STORE_ADMIN_CHARMHUB_URL", srv.URL)
	env.Setenv("STORE_ADMIN_CONFIG_DIR", filepath.Join(env.WorkDir, "config"))
	env.Setenv("XDG_CACHE_HOME", filepath.Join(env.WorkDir, "cache"))
	env.Setenv("LocalAppData", filepath.Join(env.WorkDir, "local")) // on Windows
	env.Setenv("SHM", "/dev/shm/"+filepath.Base(filepath.Dir(env.WorkDir))+filepath.Base(env.WorkDir)+".tar")
	env.Setenv("BRANDKEY", s.Brand().Key.KeyID())
	env.Setenv("ROOT", "--trusted-root="+filepath.Join(env.WorkDir, "root.assert"))
	return nil
}

// condition knows the conditions ci, where no test may skip, mount, where file systems can be mounted, and disk, where the temporary folder is
// not in memory.
func condition(cond string) (bool, error) {
	switch cond {
	case "ci":
		return os.Getenv("CI") != "", nil
	case "mount":
		return exec.Command("unshare", "--map-root-user", "--mount", "true").Run() == nil, nil
	case "disk":
		return onDisk(), nil
	}
	return false, fmt.Errorf("unknown condition %q", cond)
}

func storeOf(ts *testscript.TestScript) *simulation { return ts.Value(key{}).(*simulation) }

// admin implements admin CODE ARG..., which runs store-admin and expects the exit code CODE, and no secret of a login in its output.
func admin(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: admin CODE ARG...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	err = ts.Exec("store-admin", args[1:]...)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	for _, output := range []string{"stdout", "stderr"} {
		if output == "stdout" && got == 0 && strings.HasPrefix(strings.Join(args[1:], " "), "export token") {
			continue // it prints a secret
		}
		findSecrets(ts, output, ts.ReadFile(output))
	}
	if got != want {
		ts.Fatalf("store-admin %s: exit code %d, want %d", strings.Join(args[1:], " "), got, want)
	}
}

// findBundle implements bundle VAR PATTERN, which sets VAR to the one file that matches.
func findBundle(ts *testscript.TestScript, neg bool, args []string) {
	found, err := filepath.Glob(ts.MkAbs(args[1]))
	ts.Check(err)
	if len(found) != 1 {
		ts.Fatalf("%s matches %q, want one file", args[1], found)
	}
	ts.Setenv(args[0], found[0])
}

// countFiles implements files N PATTERN, which counts files.
func countFiles(ts *testscript.TestScript, neg bool, args []string) {
	found, err := filepath.Glob(ts.MkAbs(args[1]))
	ts.Check(err)
	if strconv.Itoa(len(found)) != args[0] {
		ts.Fatalf("%s matches %d files, want %s: %q", args[1], len(found), args[0], found)
	}
}

// checkMode implements mode FILE MODE, which checks permissions.
func checkMode(ts *testscript.TestScript, neg bool, args []string) {
	info, err := os.Stat(ts.MkAbs(args[0]))
	ts.Check(err)
	if runtime.GOOS == "windows" {
		return // files have no modes there
	}
	if got := fmt.Sprintf("%04o", info.Mode().Perm()); got != args[1] {
		ts.Fatalf("%s has mode %s, want %s", args[0], got, args[1])
	}
}

// flip implements flip FILE OFFSET, which flips a bit of a file. A negative offset counts from its end.
func flip(ts *testscript.TestScript, neg bool, args []string) {
	path := ts.MkAbs(args[0])
	b, err := os.ReadFile(path)
	ts.Check(err)
	at, err := strconv.Atoi(args[1])
	ts.Check(err)
	if at < 0 {
		at += len(b)
	}
	b[at] ^= 0x04
	ts.Check(os.WriteFile(path, b, 0o644))
}

// cut implements cut FROM TO SIZE, which copies the beginning of a file and makes the rest a hole.
func cut(ts *testscript.TestScript, neg bool, args []string) {
	b, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	size, err := strconv.Atoi(args[2])
	ts.Check(err)
	to := ts.MkAbs(args[1])
	ts.Check(os.WriteFile(to, b[:size], 0o644))
	ts.Check(os.Truncate(to, int64(len(b))))
}
