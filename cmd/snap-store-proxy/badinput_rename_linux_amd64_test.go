package main_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"offlinestore/bundle"
	"offlinestore/cmd/internal/cli"
	"offlinestore/internal/assertiontest"
	"offlinestore/internal/pgtest"
)

// killAtRename runs a command and kills it when it is about to rename, link or remove a file for the nth time, counted from 0. It
// returns false if the command ended before.
func killAtRename(t *testing.T, cmd *exec.Cmd, n int) (killed bool) {
	t.Helper()
	return trace(t, cmd, func(_ int, regs *unix.PtraceRegs) bool {
		if renames(regs.Orig_rax) {
			n--
		}
		return n < 0
	})
}

// syncedFiles runs a command and returns the paths of the files and folders that it synced.
func syncedFiles(t *testing.T, cmd *exec.Cmd) (synced map[string]bool) {
	t.Helper()
	synced = make(map[string]bool)
	trace(t, cmd, func(pid int, regs *unix.PtraceRegs) bool {
		if regs.Orig_rax == unix.SYS_FSYNC {
			if path, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", pid, regs.Rdi)); err == nil {
				synced[path] = true
			}
		}
		return false
	})
	return synced
}

// trace runs a command, calls fn when a system call begins, and kills the command if fn returns true. It reports whether it did.
func trace(t *testing.T, cmd *exec.Cmd, fn func(pid int, regs *unix.PtraceRegs) bool) (killed bool) {
	t.Helper()
	runtime.LockOSThread() // a traced process knows only the thread that started it
	defer runtime.UnlockOSThread()
	cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true, Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Skipf("trace a process: %v", err)
	}
	leader := cmd.Process.Pid
	defer cmd.Process.Release()
	wait := func(pid int) (int, unix.WaitStatus) {
		var status unix.WaitStatus
		for {
			got, err := unix.Wait4(pid, &status, unix.WALL, nil)
			if err == nil {
				return got, status
			}
			if err != unix.EINTR {
				t.Fatalf("wait for the command: %v", err)
			}
		}
	}
	wait(leader)
	if err := unix.PtraceSetOptions(leader, unix.PTRACE_O_TRACECLONE|unix.PTRACE_O_TRACESYSGOOD|unix.PTRACE_O_EXITKILL); err != nil {
		t.Fatal(err)
	}
	unix.PtraceSyscall(leader, 0)
	for {
		pid, status := wait(-leader) // its process group: other tests have processes, too
		if status.Exited() || status.Signaled() {
			if pid == leader {
				return killed
			}
			continue
		}
		deliver := 0
		switch sig := status.StopSignal(); {
		case sig == unix.SIGTRAP|0x80:
			var regs unix.PtraceRegs
			// A system call that begins has the result ENOSYS.
			if !killed && unix.PtraceGetRegs(pid, &regs) == nil && int64(regs.Rax) == -int64(unix.ENOSYS) && fn(pid, &regs) {
				killed = true
				unix.Kill(leader, unix.SIGKILL)
			}
		case sig != unix.SIGTRAP && sig != unix.SIGSTOP:
			deliver = int(sig)
		}
		unix.PtraceSyscall(pid, deliver) // a thread may have ended
	}
}

func renames(call uint64) bool {
	switch call {
	case unix.SYS_RENAME, unix.SYS_RENAMEAT, unix.SYS_RENAMEAT2, unix.SYS_LINKAT, unix.SYS_UNLINKAT, unix.SYS_MKDIRAT:
		return true
	}
	return false
}

// TestKillRestoreAtEachRename kills `restore --force` before each change of a name. No command takes the remains for a store: each says
// that a restore was interrupted, or has the whole old store, or the whole restored one. Nothing of the old store is lost, and the next
// restore completes the work.
func TestKillRestoreAtEachRename(t *testing.T) {
	t.Parallel()
	b := saved(t)
	old := &site{t: t, dir: filepath.Join(tempDir(t), "data"), dsn: b.dsn, tmp: b.tmp}
	old.useDatabase(pgtest.NewFrom(t, migrated))
	old.trust()
	old.mustRun("push-snap", old.file("old.tar", updateNumber(t, 3, 500).Tar(bundle.None)))
	want := b.mustRun("list-pushed-snaps", "--json").stdout
	before := old.mustRun("list-pushed-snaps", "--json").stdout
	states := map[string]int{}
	for n := 0; ; n++ {
		if testing.Short() && n%8 != 1 && n > 4 {
			continue
		}
		into := &site{t: t, dir: filepath.Join(tempDir(t), "data"), tmp: b.tmp}
		if out, err := exec.Command("cp", "-a", old.dir, into.dir).CombinedOutput(); err != nil {
			t.Fatalf("copy the store: %v: %s", err, out)
		}
		to := b.file("connection", []byte(pgtest.New(t)))
		killed := killAtRename(t, into.command(t.Context(), "restore", "--identity", b.key, "--force", "--db-connection-file", to, b.good), n)
		r := into.run("list-pushed-snaps", "--json")
		switch {
		case r.code == cli.OK && r.stdout == before:
			states["old"]++
		case r.code == cli.OK && r.stdout == want:
			states["restored"]++
		case r.code == cli.Failed && strings.Contains(r.stderr, "a restore was interrupted here"):
			states["interrupted"]++
			into.refusesHalf()
		default:
			t.Errorf("killed at change %d: exit code %d: %s%s", n, r.code, r.stdout, r.stderr)
		}
		if !killed {
			if r.stdout != want {
				t.Errorf("the restore that was not killed left %s, want %s", r.stdout, want)
			}
			break
		}
		again := b.file("connection", []byte(pgtest.New(t)))
		into.mustRun("restore", "--identity", b.key, "--force", "--db-connection-file", again, b.good)
		if got := into.mustRun("list-pushed-snaps", "--json").stdout; got != want {
			t.Errorf("killed at change %d, and restored: %s, want %s", n, got, want)
		}
		into.keeps(old, n)
	}
	t.Logf("states after the kills: %v", states)
	if states["interrupted"] < 3 || states["restored"] == 0 {
		t.Errorf("states after the kills: %v, want interrupted ones and the restored one", states)
	}
}

// refusesHalf checks that nothing takes the folder of an interrupted restore for a store.
func (s *site) refusesHalf() {
	s.t.Helper()
	for _, line := range []string{"status", "config", "config proxy.domain=a.example", "trust list", "serve --listen 127.0.0.1:0", "gc", "history"} {
		if r := s.run(strings.Fields(line)...); r.code != cli.Failed || !strings.Contains(r.stderr, "a restore was interrupted here") {
			s.t.Errorf("%s on half a store: exit code %d: %s%s", line, r.code, r.stdout, r.stderr)
		}
	}
}

// keeps checks that the files of an old store are all in one of the folders that they were put aside to.
func (s *site) keeps(old *site, n int) {
	s.t.Helper()
	for _, name := range []string{"settings.yaml", "trust"} {
		found, err := filepath.Glob(filepath.Join(s.dir, "before-restore-*", name))
		if err != nil || len(found) == 0 {
			s.t.Errorf("killed at change %d: %s of the old store is gone", n, name)
		}
	}
	text, err := os.ReadFile(filepath.Join(old.dir, "settings.yaml"))
	if err != nil {
		s.t.Fatal(err)
	}
	folders, err := filepath.Glob(filepath.Join(s.dir, "before-restore-*"))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, dir := range folders {
		got, err := os.ReadFile(filepath.Join(dir, "settings.yaml"))
		_, terr := os.Lstat(filepath.Join(dir, "trust"))
		if err == nil && terr == nil && string(got) == string(text) {
			return
		}
	}
	s.t.Errorf("killed at change %d: the old store is in parts: %v", n, folders)
}

// TestKillChangesAtEachRename kills commands that change several files before each change of a name. The store stays usable, and the same
// command completes the work.
func TestKillChangesAtEachRename(t *testing.T) {
	t.Parallel()
	first := newUnregistered(t)
	first.must("config", "--import-store-assertion", first.file("old.assert", first.stream("store1", "https://old.example.internal")))
	first.must("config", "proxy.domain=new.example.internal")
	second := first.file("new.assert", first.stream("store2", "https://new.example.internal"))
	for _, line := range []string{
		"reregister --store-assertion " + second,
		"config proxy.port.http=8080 proxy.port.https=8443",
		"trust root add " + first.file("other.assert", assertiontest.NewStack(t).RootStream()),
		"import-certificate --selfsigned --name new.example.internal",
	} {
		t.Run(strings.Fields(line)[0], func(t *testing.T) {
			t.Parallel()
			copyOf := func() *unregisteredStore {
				u := &unregisteredStore{t, tempDir(t), first.stack}
				if out, err := exec.Command("cp", "-a", filepath.Join(first.dir, "data"), u.dir).CombinedOutput(); err != nil {
					t.Fatalf("copy the store: %v: %s", err, out)
				}
				return u
			}
			whole := copyOf()
			whole.must(strings.Fields(line)...)
			for n, killed := 0, true; killed; n++ {
				u := copyOf()
				args := append([]string{"--data-dir", filepath.Join(u.dir, "data")}, strings.Fields(line)...)
				killed = killAtRename(t, exec.Command("snap-store-proxy", args...), n)
				u.must("config")
				u.must("trust", "root", "list")
				u.must(strings.Fields(line)...)
				if got, want := u.state(), whole.state(); got != want && !strings.Contains(line, "certificate") {
					t.Errorf("%s, killed at change %d and run again: %s, want %s", line, n, got, want)
				}
				if left, _ := filepath.Glob(filepath.Join(u.dir, "data", "*.partial")); len(left) > 0 {
					t.Errorf("%s: %v is left", line, left)
				}
			}
		})
	}
}

// TestHeldBlobsAreSynced pushes a bundle whose blobs are in their places already, as a killed push leaves them. Their names may not be on
// the disk yet, so the push syncs the folder before it commits.
func TestHeldBlobsAreSynced(t *testing.T) {
	t.Parallel()
	first, second := newSite(t), newSite(t)
	path := first.file("update.tar", update(t).Tar(bundle.None))
	first.mustRun("push-snap", path)
	blobs := filepath.Join(second.dir, "blobs", "sha256")
	if out, err := exec.Command("cp", "-a", filepath.Join(first.dir, "blobs", "sha256")+"/.", blobs).CombinedOutput(); err != nil {
		t.Fatalf("copy the blobs: %v: %s", err, out)
	}
	cmd := second.command(t.Context(), "push-snap", path)
	synced := syncedFiles(t, cmd)
	second.servesUpdate()
	if !synced[blobs] {
		t.Errorf("synced: %v, want %s, too", synced, blobs)
	}
}
