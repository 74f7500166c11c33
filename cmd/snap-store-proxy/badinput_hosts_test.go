//go:build linux

package main_test

import (
	"bytes"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"offlinestore/bundle"
	"offlinestore/cmd/internal/cli"
	"offlinestore/internal/pgtest"
)

// hostTime is the time for a command whose first database host never answers: five seconds for the host, and the rest for this machine.
const hostTime = 20 * time.Second

// readingCommands only read the catalogue. Each has an exit code for a database that answers.
var readingCommands = []struct {
	line string
	code int
}{
	{"status", cli.OK}, {"list-pushed-snaps", cli.OK}, {"list-pushed-charms", cli.OK}, {"history", cli.OK}, {"check", cli.Gaps},
	{"gc --dry-run", cli.OK}, {"show first", cli.OK}, {"why first", cli.OK}, {"list-overrides first", cli.OK}, {"list-admins", cli.OK},
	{"check-connections", cli.Failed}, {"prune --keep 1 --dry-run", cli.OK},
}

// silentPort returns the port of a host that accepts connections and never answers.
func silentPort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	_, port, err := net.SplitHostPort(ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// withHosts returns a connection string with other hosts.
func withHosts(t *testing.T, dsn, hosts, ports string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("host", hosts)
	q.Set("port", ports)
	u.RawQuery = q.Encode()
	return u.String()
}

// timed runs a command and checks its exit code and its time.
func (s *site) timed(within time.Duration, code int, args ...string) result {
	s.t.Helper()
	began := time.Now()
	r := s.run(args...)
	if took := time.Since(began); r.code != code || took > within {
		s.t.Errorf("%v: exit code %d after %v, want %d within %v: %s", args, r.code, took, code, within, r.stderr)
	}
	return r
}

// TestSilentDatabaseHost puts a host that never answers before the database. Each command works after the five seconds of that host.
func TestSilentDatabaseHost(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	u, err := url.Parse(s.dsn)
	if err != nil {
		t.Fatal(err)
	}
	s.useDatabase(withHosts(t, s.dsn, "127.0.0.1,"+u.Query().Get("host"), silentPort(t)+","+u.Query().Get("port")))
	var wg sync.WaitGroup
	for _, c := range readingCommands {
		wg.Go(func() { s.timed(hostTime, c.code, strings.Fields(c.line)...) })
	}
	wg.Wait()
	s.timed(hostTime, cli.OK, "push-snap", s.file("update.tar", update(t).Tar(bundle.None)))
	s.servesUpdate()
}

// TestOnlySilentDatabaseHost leaves only a host that never answers. Reading commands end with the exit code for databases, and Ctrl-C
// ends their wait at once.
func TestOnlySilentDatabaseHost(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.useDatabase(withHosts(t, s.dsn, "127.0.0.1", silentPort(t)))
	var wg sync.WaitGroup
	for _, c := range readingCommands {
		args := strings.Fields(c.line)
		wg.Go(func() {
			if r := s.timed(hostTime, cli.Database, args...); !strings.Contains(r.stderr, "the database is not available") {
				t.Errorf("%v: %s", args, r.stderr)
			}
		})
		wg.Go(func() { s.interrupt(args...) })
	}
	wg.Wait()
}

// interrupt presses Ctrl-C under a command that waits.
func (s *site) interrupt(args ...string) {
	s.t.Helper()
	cmd := s.command(s.t.Context(), args...)
	if err := cmd.Start(); err != nil {
		s.t.Error(err)
		return
	}
	time.Sleep(2 * time.Second)
	began := time.Now()
	cmd.Process.Signal(os.Interrupt)
	cmd.Wait()
	if took, code := time.Since(began), cmd.ProcessState.ExitCode(); took > 2*time.Second || code != cli.Interrupted {
		s.t.Errorf("%v: %v after Ctrl-C, exit code %d, want %d at once", args, took, code, cli.Interrupted)
	}
}

// serving is a running serve.
type serving struct {
	cmd  *exec.Cmd
	errs *bytes.Buffer
	url  string
}

// serve starts serve, with administration, and waits until it answers.
func (s *site) serve() *serving {
	s.t.Helper()
	return s.serveAs(func(*exec.Cmd) {})
}

// serveAs starts serve after change has changed the command.
func (s *site) serveAs(change func(*exec.Cmd)) *serving {
	s.t.Helper()
	var ports [2]string
	for i := range ports {
		ports[i] = net.JoinHostPort("127.0.0.1", freePort(s.t))
	}
	v := &serving{errs: new(bytes.Buffer), url: "http://" + ports[0]}
	v.cmd = s.command(s.t.Context(), "serve", "--listen", ports[0], "--admin-listen", ports[1])
	v.cmd.Stderr = v.errs
	change(v.cmd)
	if err := v.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { v.cmd.Process.Kill() })
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		resp, err := http.Get(v.url + "/_status/check")
		if err == nil {
			resp.Body.Close()
			return v
		}
		if time.Since(began) > patience {
			s.t.Fatalf("serve does not answer: %v", err)
		}
	}
}

// stop sends SIGTERM and checks that serve ends in time, without a failure.
func (v *serving) stop(t *testing.T, within time.Duration) {
	t.Helper()
	began := time.Now()
	v.cmd.Process.Signal(syscall.SIGTERM)
	err := v.cmd.Wait()
	if took := time.Since(began); err != nil || took > within {
		t.Errorf("serve ended %v after SIGTERM: %v, want 0 within %v: %s", took, err, within, v.errs)
	}
}

// TestServeEndsBesideHangingDatabase stops serve while its database hangs.
func TestServeEndsBesideHangingDatabase(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	proxy := pgtest.NewProxy(t, s.dsn)
	s.useDatabase(proxy.DSN(s.dsn))
	v := s.serve()
	proxy.Hang()
	go http.Get(v.url + "/_status/check")
	time.Sleep(6 * time.Second) // until a poll hangs, too
	v.stop(t, 10*time.Second)
}

// TestServeEndsBesideStoppedCluster stops serve while the processes of its private PostgreSQL are stopped. The unit gives it a minute, of
// which half belongs to downloads.
func TestServeEndsBesideStoppedCluster(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("makes a cluster of PostgreSQL and waits for it; CI runs it")
	}
	newSite(t) // skips the test without PostgreSQL
	s := &site{t: t, dir: filepath.Join(tempDir(t), "data"), tmp: tempDir(t)}
	s.trust()
	v := s.serve()
	s.signalCluster(syscall.SIGSTOP)
	t.Cleanup(func() { s.signalCluster(syscall.SIGCONT) })
	v.stop(t, 30*time.Second)
	if !strings.Contains(v.errs.String(), "still stopping") {
		t.Errorf("serve does not mention PostgreSQL: %s", v.errs)
	}
	s.signalCluster(syscall.SIGCONT)
	s.mustRun("list-pushed-snaps") // waits for the end of the old PostgreSQL
}

// signalCluster sends a signal to all processes of the private PostgreSQL, and returns their number.
func (s *site) signalCluster(how syscall.Signal) (n int) {
	s.t.Helper()
	links, err := filepath.Glob("/proc/[0-9]*/cwd")
	if err != nil {
		s.t.Error(err)
	}
	for _, link := range links {
		cwd, err := os.Readlink(link)
		pid, perr := strconv.Atoi(filepath.Base(filepath.Dir(link)))
		if err == nil && perr == nil && cwd == filepath.Join(s.dir, "postgresql", "data") && syscall.Kill(pid, how) == nil {
			n++
		}
	}
	return n
}

// TestServeWithFewFiles starts serve with a low limit of descriptors, which it warns of.
func TestServeWithFewFiles(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	v := s.serveAs(func(cmd *exec.Cmd) {
		cmd.Args = append([]string{"sh", "-c", `ulimit -n 512; exec "$0" "$@"`, cmd.Path}, cmd.Args[1:]...)
		cmd.Path = "/bin/sh"
	})
	v.stop(t, 10*time.Second)
	if !strings.Contains(v.errs.String(), "the limit of open files is low: set LimitNOFILE") {
		t.Errorf("serve does not warn: %s", v.errs)
	}
}

// TestServeOnTakenPort starts serve on ports that other processes listen on. It serves on none of them.
func TestServeOnTakenPort(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	taken, free := "127.0.0.1:"+silentPort(t), "127.0.0.1:0"
	for _, args := range [][]string{
		{"--listen", taken}, {"--listen", free, "--admin-listen", taken}, {"--listen", free, "--registry-listen", taken},
	} {
		if r := s.run(append([]string{"serve"}, args...)...); r.code != cli.Failed || !strings.Contains(r.stderr, "address already in use") || !strings.Contains(r.stderr, "hint: ") {
			t.Errorf("serve %v: exit code %d, want %d: %s", args, r.code, cli.Failed, r.stderr)
		}
	}
	s.mustRun("config", "proxy.admin.listen="+taken, "proxy.ipaddress=127.0.0.1", "proxy.port.http="+freePort(t), "proxy.oci-registry.builtin=false")
	if r := s.run("serve"); r.code != cli.Failed || !strings.Contains(r.stderr, "address already in use") {
		t.Errorf("serve beside a process on the port of administration: exit code %d, want %d: %s", r.code, cli.Failed, r.stderr)
	}
}
