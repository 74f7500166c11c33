//go:build linux

package snapdaemon

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Options configure a daemon. Only Binaries is required.
type Options struct {
	Binaries *Binaries

	// TrustedRoot is an assertion stream (an account and its account-key) that the daemon trusts like Canonical's root. It
	// requires Binaries from BuildWithRoot.
	TrustedRoot []byte

	// StoreURL replaces https://api.snapcraft.io for the daemon and the command, until proxy.store is set. It may contain
	// a path, but no query.
	StoreURL string

	// Hosts are names that resolve to 127.0.0.1. No other name is known.
	Hosts []string

	// Sites are served by the test process, inside the network namespace.
	Sites []Site

	// Servers are started inside the namespaces before the daemon.
	Servers []Server

	// SystemCA holds, in PEM, the only authorities that the daemon and the command trust for TLS besides store-certs.
	SystemCA []byte

	// Model is a stream with the model assertion for the seed of the device, and the assertions that verify it. Without it, the device has
	// the generic classic model.
	Model []byte

	// Config is the configuration of snaps from the start, by the name of the snap, as hooks would make it. No hook runs in the namespaces.
	Config map[string]any

	// Env is added to the environment of the daemon and the command, for
	// instance HTTPS_PROXY=http://127.0.0.1:3128 or SNAPD_DEBUG_HTTP=7.
	Env []string

	// CommandTimeout bounds each call of Snap and Run; zero means two minutes.
	CommandTimeout time.Duration
}

// Server is a program that runs inside the namespaces as long as the daemon. It has its own PIDs there, and an empty
// /var/lib; all other files are the machine's. A program that shares a PostgreSQL with others should run outside, behind a
// Site.
type Server struct {
	Args []string
	Env  []string // added to the test's environment
	Addr string   // Start waits until something listens on this TCP address; may be empty
}

// Daemon is a running snapd.
type Daemon struct {
	tb   testing.TB
	opts Options
	root string
	ns   *namespace
	env  []string
}

// Start starts a daemon, and stops it when the test ends. The test is skipped if the machine lacks a program or doesn't
// allow namespaces, and fails in CI.
func Start(tb testing.TB, opts Options) *Daemon {
	tb.Helper()
	need(tb, "unshare", "nsenter", "ip", "mount", "bash", "unsquashfs", "go")
	if opts.CommandTimeout == 0 {
		opts.CommandTimeout = 2 * time.Minute
	}
	// The path of tb.TempDir may be too long for a Unix socket.
	root, err := os.MkdirTemp("", "snapd-")
	if err != nil {
		tb.Fatalf("make a root for snapd: %v", err)
	}
	d := &Daemon{tb: tb, opts: opts, root: root}
	tb.Cleanup(func() {
		if err := removeRoot(root); err != nil {
			tb.Errorf("remove snapd's root: %v", err)
		}
	})
	if err := d.prepare(); err != nil {
		tb.Fatalf("prepare snapd's root: %v", err)
	}
	ns, err := newNamespace(root)
	if err != nil {
		unavailable(tb, "%v", err)
	}
	d.ns = ns
	tb.Cleanup(d.stop)
	if err := d.run(); err != nil {
		tb.Fatalf("start snapd: %v\n%s", err, d.Log())
	}
	return d
}

// Root returns the folder that the daemon uses as /.
func (d *Daemon) Root() string { return d.root }

// Log returns the daemon's output so far.
func (d *Daemon) Log() string {
	text, err := os.ReadFile(filepath.Join(d.root, "snapd.log"))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// Snap runs the snap command.
func (d *Daemon) Snap(args ...string) (stdout, stderr string, err error) {
	return d.Run(append([]string{d.opts.Binaries.Snap}, args...)...)
}

// MustSnap runs the snap command, requires success, and returns its output.
func (d *Daemon) MustSnap(args ...string) string {
	d.tb.Helper()
	stdout, stderr, err := d.Snap(args...)
	if err != nil {
		d.tb.Fatalf("snap %s: %v\n%s%s\nsnapd's log:\n%s", strings.Join(args, " "), err, stdout, stderr, d.Log())
	}
	return stdout
}

// Run runs a command inside the namespaces, in the environment of the daemon, where the snap command is on the PATH:
// Run("sh", "-c", "curl … | snap ack /dev/stdin") does the same as an operator. Its working folder is the daemon's root.
func (d *Daemon) Run(args ...string) (stdout, stderr string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), d.opts.CommandTimeout)
	defer cancel()
	var out, errOut bytes.Buffer
	cmd := d.ns.command(ctx, args...)
	cmd.Env = d.env
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err = cmd.Run()
	if ctx.Err() != nil {
		err = fmt.Errorf("%w after %v", ctx.Err(), d.opts.CommandTimeout)
	}
	return out.String(), errOut.String(), err
}

// prepare makes the files that the daemon needs before it starts.
func (d *Daemon) prepare() error {
	if d.opts.TrustedRoot != nil && !d.opts.Binaries.trusts {
		return fmt.Errorf("this build of snapd honours no TrustedRoot")
	}
	// In a user namespace, the daemon may run as a user who is not the owner of the folder.
	if err := os.Chmod(d.root, 0o755); err != nil {
		return err
	}
	if err := layRoot(d.root, d.opts.Binaries); err != nil {
		return err
	}
	if err := writeNames(d.root, d.opts.Hosts); err != nil {
		return err
	}
	if d.opts.Model != nil {
		seed := filepath.Join(d.root, "var/lib/snapd/seed/assertions")
		if err := errors.Join(os.MkdirAll(seed, 0o755), os.WriteFile(filepath.Join(seed, "model"), d.opts.Model, 0o644)); err != nil {
			return err
		}
	}
	if d.opts.Config != nil {
		if err := writeState(d.root, d.opts.Config); err != nil {
			return err
		}
	}
	d.env = d.environment()
	for name, text := range map[string][]byte{"trusted": d.opts.TrustedRoot, "ca.pem": d.opts.SystemCA} {
		if err := os.WriteFile(filepath.Join(d.root, name), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func (d *Daemon) environment() []string {
	env := []string{
		"PATH=" + filepath.Join(d.root, "tools") + ":" + os.Getenv("PATH"),
		"HOME=" + filepath.Join(d.root, "home"),
		"LC_ALL=C.UTF-8",
		"SNAPPY_GLOBAL_ROOT=" + d.root,
		"SNAP_REEXEC=0",
		"SNAPPY_SQUASHFS_UNPACK_FOR_TESTS=1",
		"SNAPPY_TESTING=1",
		"SNAPD_CATALOG_REFRESH=1",
		"SNAPD_STANDBY_WAIT=2h",
		"SNAPD_AUTH_DATA_FILENAME=" + filepath.Join(d.root, "home/auth.json"),
	}
	if d.opts.StoreURL != "" {
		env = append(env, "SNAPPY_FORCE_API_URL="+d.opts.StoreURL)
	}
	if d.opts.TrustedRoot != nil {
		env = append(env, trustedEnv+"="+filepath.Join(d.root, "trusted"))
	}
	if d.opts.SystemCA != nil {
		env = append(env, "SSL_CERT_FILE="+filepath.Join(d.root, "ca.pem"), "SSL_CERT_DIR="+filepath.Join(d.root, "none"))
	}
	return append(env, d.opts.Env...)
}

// run starts the sites, the servers and the daemon, in this order.
func (d *Daemon) run() error {
	if err := d.serveSites(); err != nil {
		return err
	}
	for i, s := range d.opts.Servers {
		if err := d.startServer(fmt.Sprintf("server-%d.log", i), s); err != nil {
			return fmt.Errorf("start %s: %w", s.Args[0], err)
		}
	}
	// The daemon exits after it has installed the snap snapd, and expects systemd to start it again.
	const loop = `while :; do "$1"; echo "snapd exited with $?"; sleep 0.05; done`
	if err := d.background("snapd.log", d.env, "sh", "-c", loop, "sh", filepath.Join(d.opts.Binaries.LibDir, "snapd")); err != nil {
		return err
	}
	if err := d.awaitDaemon(); err != nil {
		return err
	}
	// Until then the daemon refuses to install anything: "too early for operation".
	if _, stderr, err := d.Run("snap", "wait", "system", "seed.loaded"); err != nil {
		return fmt.Errorf("wait for the seed: %w: %s", err, stderr)
	}
	return nil
}

// background starts a command inside the namespaces. The end of the test waits for the command.
func (d *Daemon) background(log string, env []string, args ...string) error {
	f, err := os.Create(filepath.Join(d.root, log))
	if err != nil {
		return err
	}
	defer f.Close()
	cmd := d.ns.command(context.Background(), args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = env, f, f
	if err := cmd.Start(); err != nil {
		return err
	}
	stop := d.ns.stop
	d.ns.stop = func() error {
		err := stop()
		_ = cmd.Wait() // the end of the namespace kills it
		return err
	}
	return nil
}

func (d *Daemon) startServer(log string, s Server) error {
	if err := d.background(log, append(os.Environ(), s.Env...), s.Args...); err != nil {
		return err
	}
	if s.Addr == "" {
		return nil
	}
	if err := d.ns.awaitPort(s.Addr); err != nil {
		text, _ := os.ReadFile(filepath.Join(d.root, log))
		return fmt.Errorf("%w\n%s", err, text)
	}
	return nil
}

// awaitDaemon waits until the daemon listens. It checks for the socket, which is a file and visible from outside. The
// daemon answers no request from a process without a PID in its namespace.
func (d *Daemon) awaitDaemon() error {
	for deadline := time.Now().Add(startTimeout); ; time.Sleep(20 * time.Millisecond) {
		conn, err := net.Dial("unix", filepath.Join(d.root, "run/snapd.socket"))
		if err == nil {
			return conn.Close()
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("wait for the daemon: %w", err)
		}
	}
}

// stop kills everything inside the namespaces.
func (d *Daemon) stop() {
	if d.tb.Failed() {
		d.tb.Logf("snapd's log:\n%s", d.Log())
	}
	_ = d.ns.stop() // the error only says that it was killed
}
