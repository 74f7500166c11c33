package pgcluster_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"offlinestore/instance/pgcluster"
)

// user is the owner of a cluster, without root's rights or with the one for low ports, as systemd gives it to serve.
type user struct {
	binary     string
	plain, low *syscall.SysProcAttr
}

func ownerOf(t *testing.T, dir string) user {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can become another user")
	}
	info, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	st := info.Sys().(*syscall.Stat_t)
	u := user{binary: filepath.Join(tempDir(t), "test")}
	u.plain = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: st.Uid, Gid: st.Gid}}
	u.low = &syscall.SysProcAttr{Credential: u.plain.Credential, AmbientCaps: []uintptr{unix.CAP_NET_BIND_SERVICE}}
	text, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(u.binary, text, 0o755); err != nil {
		t.Fatal(err)
	}
	return u
}

// TestStartedWithARight starts a cluster as the systemd unit does: with the right for low ports. A command without it uses the same server.
func TestStartedWithARight(t *testing.T) {
	t.Parallel()
	dir := existing(t)
	u := ownerOf(t, dir)
	serve := startAs(t, dir, u.binary, u.low)
	first := serve.ready(t)
	command := startAs(t, dir, u.binary, u.plain)
	if second := command.ready(t); second != first {
		t.Errorf("the command uses %v, want %v", second, first)
	}
	command.end(t)
	if again := startAs(t, dir, u.binary, u.low).ready(t); again != first {
		t.Errorf("after the command, the cluster is %v, want %v", again, first)
	}
}

// TestServerWithMoreRights adopts a PostgreSQL that has more rights than the command, whose folder Linux does not show.
func TestServerWithMoreRights(t *testing.T) {
	t.Parallel()
	dir := existing(t)
	u := ownerOf(t, dir)
	programs, _, err := pgcluster.Find()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(filepath.Join(programs, "postgres"), "-D", "data")
	cmd.Dir, cmd.SysProcAttr, cmd.Env = dir, u.low, []string{"LC_ALL=C", "PATH=/usr/bin:/bin"}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Signal(os.Interrupt); cmd.Wait() })
	pidFile := filepath.Join(dir, "data", "postmaster.pid")
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(pidFile); err == nil {
			break
		}
		if time.Since(began) > time.Minute {
			t.Fatal("PostgreSQL does not start")
		}
	}
	command := startAs(t, dir, u.binary, u.plain)
	first := command.ready(t)
	if second := startAs(t, dir, u.binary, u.plain).ready(t); second != first {
		t.Errorf("the second command uses %v, want %v", second, first)
	}
	if _, err := os.Stat(pidFile); err != nil {
		t.Errorf("a command took away a living PostgreSQL's record: %v", err)
	}
	command.end(t)
}
