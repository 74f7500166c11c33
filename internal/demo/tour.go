//go:build linux || darwin

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"offlinestore/internal/snapddriver"

	"golang.org/x/term"
)

// tour tells the story and runs its commands. The first failure ends it.
type tour struct {
	ctx  context.Context
	bin  string
	dir  string
	env  []string
	data string
}

// runTour tells the whole story.
func runTour(ctx context.Context, bin string) (err error) {
	bin, err = filepath.Abs(bin)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "offlinestore-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	// Root gives the data folder to the store's own user, who must be able to reach it.
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	g := &tour{ctx: ctx, bin: bin, dir: dir, data: filepath.Join(dir, "inside", "data")}
	for _, d := range []string{"outside", "disk", "inside", "device", "dmz"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o755); err != nil {
			return err
		}
	}
	return g.tell()
}

func (g *tour) tell() error {
	g.say("Outside the gap. A simulated Snap Store stands in for api.snapcraft.io, with snaps signed under a test root.")
	u, err := startUpstream("127.0.0.1:0", filepath.Join(g.dir, "outside"))
	if err != nil {
		return err
	}
	defer u.stop()
	g.env = append(os.Environ(), "STORE_ADMIN_SNAP_STORE_URL="+u.url, "STORE_ADMIN_CHARMHUB_URL="+u.url, "STORE_ADMIN_CONFIG_DIR="+g.path("outside/config"))
	for _, act := range []func(root string) error{g.outside, g.carry, g.inside, g.charms} {
		if err := act(u.root); err != nil {
			return err
		}
	}
	for _, act := range []func(*upstream) error{g.secondWeek, g.brandStore, g.serials, g.edge} {
		if err := act(u); err != nil {
			return err
		}
	}
	fmt.Printf(`
That is the main job, end to end. What to try next:
    bin/store-admin export snaps --help              export from the real Snap Store
    bin/store-admin export bundle --help             export from the real Charmhub
    bin/store-admin diff A.tar.gz B.tar.gz           what changed since last week
    bin/snap-store-proxy push-snap --plan FILE       what a push would do
    bin/snap-store-proxy check --blobs               read and hash every blob
    bin/snap-store-proxy history                     who signed what, and when it came in
docs/operating.md and docs/charms.md have the rest. Nothing of this demo is left running or on the disk.
`)
	return nil
}

func (g *tour) outside(root string) error {
	g.say("Three snaps for two architectures go onto the disk. What they need to run comes along by itself.")
	err := g.run("store-admin", "export", "snaps", "jq", "hello", "gnome-calculator", "--arch", "amd64", "--arch", "arm64",
		"--export-dir", g.path("disk"), "--cache-dir", g.path("outside/cache"), "--trusted-root", root)
	if err != nil {
		return err
	}
	g.say("What is in a bundle, and what does it need? Only its head is read, so this is as quick for 100 GB.")
	if err := g.run("store-admin", "inspect", g.bundle("jq")); err != nil {
		return err
	}
	return g.runTo(g.path("disk/exporter.pem"), "store-admin", "key", "export")
}

func (g *tour) carry(root string) error {
	g.say("Somebody carries the disk inside, where a store never connects to the internet.")
	if err := g.run("snap-store-proxy", "enable-airgap-mode"); err != nil {
		return err
	}
	g.say("There, nobody is trusted yet: the exporter's key is added by hand, once\n(and, for this demo only, the simulated store's root).")
	if err := g.run("snap-store-proxy", "trust", "add", g.path("disk/exporter.pem")); err != nil {
		return err
	}
	if err := g.run("snap-store-proxy", "trust", "root", "add", root); err != nil {
		return err
	}
	g.say("A disk that goes bad on the way: one bit of a copy of the bundle is flipped, somewhere in the middle.")
	bad := g.path("disk/jq-damaged.tar.gz")
	if err := flipBit(g.bundle("jq"), bad); err != nil {
		return err
	}
	if err := g.run("snap-store-proxy", "push-snap", bad); err == nil {
		return errors.New("the damaged bundle was accepted")
	}
	if err := os.Remove(bad); err != nil {
		return err
	}
	g.say("Refused, and the damaged file is named. Now the good ones, into a private PostgreSQL and a folder of blobs.")
	bundles, err := filepath.Glob(g.path("disk/*.tar.gz"))
	if err != nil {
		return err
	}
	if err := g.run("snap-store-proxy", append([]string{"push-snap"}, bundles...)...); err != nil {
		return err
	}
	if err := g.run("snap-store-proxy", "list-pushed-snaps", "--long"); err != nil {
		return err
	}
	return g.run("snap-store-proxy", "check")
}

func (g *tour) inside(root string) error {
	g.say("Devices are served, read-only, by a database role that can only SELECT.")
	urls, stop, err := g.serve()
	if err != nil {
		return err
	}
	defer stop()
	g.say("A real snapd client (snapd's own store and assertion code) asks for jq on arm64, downloads it and\nverifies every signature up to the root.")
	client, err := snapddriver.Binary(g.ctx)
	if err != nil {
		return fmt.Errorf("build the snapd client: %w", err)
	}
	fmt.Printf("\n$ snapdclient install --store %s --arch arm64 jq\n", urls[0])
	out, err := g.command(client, "install", "--store", urls[0], "--root", root, "--arch", "arm64", "--dir", g.path("device"), "jq").Output()
	if err != nil {
		return fmt.Errorf("the snapd client: %w", err)
	}
	showClient(out)
	return nil
}

func (g *tour) path(name string) string { return filepath.Join(g.dir, filepath.FromSlash(name)) }

// bundle returns the bundle file that the export made of a snap.
func (g *tour) bundle(name string) string {
	found, _ := filepath.Glob(g.path("disk/" + name + "-2*.tar.gz"))
	if len(found) == 0 {
		return g.path("disk/" + name)
	}
	return found[0]
}

func (g *tour) say(text string) {
	if term.IsTerminal(int(os.Stdout.Fd())) {
		text = "\x1b[1m" + text + "\x1b[0m"
	}
	fmt.Printf("\n%s\n", text)
}

func (g *tour) command(program string, args ...string) *exec.Cmd {
	c := exec.CommandContext(g.ctx, program, args...)
	c.Env = g.env
	c.Cancel = func() error { return c.Process.Signal(syscall.SIGINT) }
	c.WaitDelay = 20 * time.Second
	return c
}

// program returns the command that runs one of our programs. It prints the command without the parts that only the demo
// needs.
func (g *tour) program(name string, args ...string) *exec.Cmd {
	shown := strings.ReplaceAll(name+" "+strings.Join(args, " "), g.dir+"/", "")
	if len(shown) > 300 {
		shown = shown[:300] + " …"
	}
	fmt.Printf("\n$ %s\n", shown)
	if name == "snap-store-proxy" {
		args = append([]string{"--data-dir", g.data}, args...)
	}
	return g.command(filepath.Join(g.bin, name), args...)
}

func (g *tour) run(name string, args ...string) error {
	c := g.program(name, args...)
	c.Stdout, c.Stderr = os.Stdout, os.Stdout
	return c.Run()
}

func (g *tour) runTo(file, name string, args ...string) error {
	c := g.program(name, args...)
	out, err := c.Output()
	if err != nil {
		return err
	}
	return os.WriteFile(file, out, 0o644)
}

// serve starts the server on a free port for each listener, and waits until it has printed the addresses.
func (g *tour) serve(flags ...string) (urls []string, stop func(), err error) {
	c := g.program("snap-store-proxy", append([]string{"serve", "--listen", "127.0.0.1:0", "--log-level", "warn"}, flags...)...)
	out, err := c.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	c.Stderr = os.Stderr
	if err := c.Start(); err != nil {
		return nil, nil, err
	}
	stop = func() {
		c.Process.Signal(os.Interrupt)
		c.Wait()
	}
	r := bufio.NewReader(out)
	for range 1 + len(flags)/2 {
		line, err := r.ReadString('\n')
		if err != nil {
			return nil, nil, errors.Join(fmt.Errorf("the server ended: %w", err), c.Wait())
		}
		fmt.Print(line)
		_, address, ok := strings.Cut(strings.TrimSpace(line), "http://")
		if !ok {
			stop()
			return nil, nil, fmt.Errorf("the server said %q", line)
		}
		urls = append(urls, "http://"+address)
	}
	go io.Copy(io.Discard, r) // ends with the process
	return urls, stop, nil
}

// flipBit copies a file with one bit changed.
func flipBit(from, to string) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	b[len(b)/2] ^= 1
	return os.WriteFile(to, b, 0o644)
}
