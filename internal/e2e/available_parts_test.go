//go:build linux

package e2e_test

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"offlinestore/instance/pgcluster"
)

// process is a program that a test kills and starts again.
type process struct {
	t       *testing.T
	args    []string
	env     []string
	as      *syscall.Credential // nil for the user of the test
	address string
	cmd     *exec.Cmd
	log     *os.File
}

func (p *process) start() {
	p.t.Helper()
	var err error
	if p.log == nil {
		if p.log, err = os.CreateTemp("", "e2e-log-"); err != nil {
			p.t.Fatal(err)
		}
		p.t.Cleanup(func() {
			p.kill()
			if text, err := os.ReadFile(p.log.Name()); p.t.Failed() && err == nil {
				p.t.Logf("%s %s:\n%s", filepath.Base(p.args[0]), p.address, text)
			}
			p.log.Close()
			os.Remove(p.log.Name())
		})
	}
	p.cmd = exec.Command(p.args[0], p.args[1:]...)
	p.cmd.Env = append(os.Environ(), p.env...)
	p.cmd.Stdout, p.cmd.Stderr, p.cmd.Dir = p.log, p.log, "/"
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: p.as}
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
}

// kill kills the process and its children, as a power cut does.
func (p *process) kill() {
	if p.cmd == nil {
		return
	}
	syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	p.cmd.Wait()
	p.cmd = nil
}

// awaitHealth waits until a part of the store answers.
func (s *site) awaitHealth(name string) {
	s.t.Helper()
	p := s.processes[name]
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		resp, err := http.Get("http://" + p.address + "/_status/check")
		if err == nil {
			resp.Body.Close()
			if !strings.HasPrefix(name, "store") || resp.StatusCode == http.StatusOK {
				return
			}
		}
	}
	s.t.Fatalf("%s does not answer", name)
}

func exitCode(err error) int {
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		return e.ExitCode()
	}
	return -1
}

// database is a PostgreSQL cluster.
type database struct {
	*process
	bin, dir, port string
}

// newDatabases starts a database, and a replica that gets each commit before the client hears of it.
func newDatabases(t *testing.T, dir string) (primary, replica *database) {
	t.Helper()
	bin, _, err := pgcluster.Find()
	if err != nil {
		t.Fatal(err)
	}
	var as *syscall.Credential
	if os.Getuid() == 0 { // PostgreSQL does not run as root
		u, err := user.Lookup("postgres")
		if err != nil {
			t.Fatal(err)
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		as = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	folder := func(name string) *database {
		d := &database{bin: bin, dir: filepath.Join(dir, name)}
		if err := os.Mkdir(d.dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if as != nil {
			if err := os.Chown(d.dir, int(as.Uid), int(as.Gid)); err != nil {
				t.Fatal(err)
			}
		}
		address := freeAddress(t)
		_, d.port, _ = net.SplitHostPort(address)
		d.process = &process{t: t, as: as, address: address, args: []string{filepath.Join(bin, "postgres"), "-D", d.dir, "-p", d.port, "-k", d.dir, "-c", "listen_addresses=127.0.0.1"}}
		return d
	}
	primary, replica = folder("primary"), folder("replica")
	primary.run("initdb", "-D", primary.dir, "-U", "store", "--auth=trust", "-N")
	primary.start()
	primary.await("select 1", "1")
	primary.sql("create database store", "postgres")
	primary.run("pg_basebackup", "-D", replica.dir, "-h", "127.0.0.1", "-p", primary.port, "-U", "store", "-R", "-X", "stream", "--checkpoint=fast")
	primary.sql("alter system set synchronous_standby_names = '*'", "postgres")
	primary.sql("select pg_reload_conf()", "postgres")
	replica.start()
	primary.await("select sync_state from pg_stat_replication", "sync")
	return primary, replica
}

// run runs a program of PostgreSQL, and returns its output.
func (d *database) run(name string, args ...string) string {
	d.t.Helper()
	cmd := exec.CommandContext(d.t.Context(), filepath.Join(d.bin, name), args...)
	cmd.Dir, cmd.SysProcAttr = "/", &syscall.SysProcAttr{Credential: d.as}
	out, err := cmd.CombinedOutput()
	if err != nil {
		d.t.Fatalf("%s: %v: %s", name, err, out)
	}
	return string(out)
}

func (d *database) sql(query, database string) string {
	d.t.Helper()
	return d.run("psql", "-X", "-A", "-t", "-h", "127.0.0.1", "-p", d.port, "-U", "store", "-d", database, "-c", query)
}

// await waits until a query has a result.
func (d *database) await(query, want string) {
	d.t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		cmd := exec.CommandContext(d.t.Context(), filepath.Join(d.bin, "psql"), "-X", "-A", "-t", "-h", "127.0.0.1", "-p", d.port, "-U", "store", "-d", "postgres", "-c", query)
		if out, err := cmd.Output(); err == nil && strings.TrimSpace(string(out)) == want {
			return
		}
	}
	d.t.Fatalf("the database on port %s never answers %s with %s", d.port, query, want)
}

// promote makes the replica take writes.
func (d *database) promote() {
	d.t.Helper()
	d.run("pg_ctl", "promote", "-D", d.dir)
}

// databaseName returns the connection string that finds the one that takes writes.
func databaseName(a, b *database) string {
	return fmt.Sprintf("postgresql://store@127.0.0.1:%s,127.0.0.1:%s/store?target_session_attrs=read-write&connect_timeout=2&sslmode=disable", a.port, b.port)
}

// configure sets settings from YAML.
func (in *inside) configure(yaml string) {
	in.t.Helper()
	cmd := exec.CommandContext(in.t.Context(), program(in.t, "snap-store-proxy"), "--data-dir", in.data, "config", "--import-yaml")
	cmd.Stdin = strings.NewReader(yaml)
	if out, err := cmd.CombinedOutput(); err != nil {
		in.t.Fatalf("config: %v: %s", err, out)
	}
}
