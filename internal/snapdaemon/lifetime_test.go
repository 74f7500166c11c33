//go:build linux

package snapdaemon_test

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"offlinestore/internal/snapdaemon"
)

// serverEnv turns the test binary into a web server on the address in its value.
const serverEnv = "SNAPDAEMON_TEST_SERVER"

// victimEnv makes TestVictim start a daemon and wait to be killed.
const victimEnv = "SNAPDAEMON_TEST_VICTIM"

func TestMain(m *testing.M) {
	if addr := os.Getenv(serverEnv); addr != "" {
		fmt.Fprintln(os.Stderr, http.ListenAndServe(addr, http.NotFoundHandler()))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func TestServersInside(t *testing.T) {
	t.Parallel()
	var root string
	t.Run("daemon", func(t *testing.T) {
		d := snapdaemon.Start(t, withServer(t))
		root = d.Root()
		// The server is reachable only inside the namespace.
		if _, stderr, err := d.Snap("find", "x"); err == nil || !strings.Contains(stderr, "404") {
			t.Errorf("snap find: %v, %s, want an error with the server's 404", err, stderr)
		}
		if resp, err := http.Get("http://127.0.0.1:1/"); err == nil {
			resp.Body.Close()
			t.Error("the server can be reached from outside of the namespace")
		}
		if left := processes(t, root); len(left) == 0 {
			t.Error("no process names the root: this test can't tell whether one is left")
		}
	})
	if root == "" {
		t.Skip("no daemon")
	}
	if _, err := os.Stat(root); !os.IsNotExist(err) {
		t.Errorf("stat the root after the test: %v, want that it doesn't exist", err)
	}
	if left := processes(t, root); len(left) > 0 {
		t.Errorf("processes left: %q", left)
	}
	if mounts, err := os.ReadFile("/proc/self/mountinfo"); err != nil || strings.Contains(string(mounts), root) {
		t.Errorf("mounts left: %v\n%s", err, mounts)
	}
}

func withServer(t *testing.T) snapdaemon.Options {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	const addr = "127.0.0.1:1"
	return snapdaemon.Options{
		Binaries: snapdaemon.Stock(t),
		StoreURL: "http://" + addr,
		Servers:  []snapdaemon.Server{{Args: []string{self}, Env: []string{serverEnv + "=" + addr}, Addr: addr}},
	}
}

func TestVictim(t *testing.T) {
	if os.Getenv(victimEnv) == "" {
		t.Skip("only run by TestKilledTestLeavesNoProcess")
	}
	d := snapdaemon.Start(t, withServer(t))
	fmt.Println("root " + d.Root())
	time.Sleep(time.Minute)
}

func TestKilledTestLeavesNoProcess(t *testing.T) {
	t.Parallel()
	snapdaemon.Stock(t) // skips the test if there is none
	cmd := exec.Command(os.Args[0], "-test.run=^TestVictim$", "-test.v")
	cmd.Env = append(os.Environ(), victimEnv+"=1")
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var root, output string
	for lines := bufio.NewScanner(stdout); root == "" && lines.Scan(); {
		root, _ = strings.CutPrefix(lines.Text(), "root ")
		if !strings.HasPrefix(lines.Text(), "root ") {
			root = ""
		}
		output += lines.Text() + "\n"
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Logf("kill the test: %v", err)
	}
	_ = cmd.Wait() // the error only says that it was killed
	if root == "" {
		if strings.Contains(output, "--- SKIP") {
			t.Skip(output)
		}
		t.Fatalf("the test started no daemon:\n%s", output)
	}
	t.Cleanup(func() { os.RemoveAll(root) })
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		left := processes(t, root)
		if len(left) == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("processes left: %q", left)
		}
	}
}

// processes returns the command lines of the processes that name root in their arguments or environment.
func processes(t *testing.T, root string) []string {
	t.Helper()
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, d := range dirs {
		line, _ := os.ReadFile(filepath.Join(d, "cmdline")) // it may be gone by now
		env, _ := os.ReadFile(filepath.Join(d, "environ"))
		if strings.Contains(string(line)+string(env), root) {
			found = append(found, strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return found
}

// realdata returns the folder of genuine data.
func realdata(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("OFFLINESTORE_REALDATA"); dir != "" {
		return dir
	}
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above the test")
		}
		dir = filepath.Dir(dir)
	}
	dir = filepath.Join(dir, "../shared/realdata")
	if _, err := os.Stat(dir); err != nil {
		t.Skip("no genuine data")
	}
	return dir
}
