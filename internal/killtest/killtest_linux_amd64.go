// Package killtest kills programs under test at chosen system calls.
package killtest

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// AtRename runs a command and kills it when it is about to rename, link or remove a file for the nth time, counted from 0. It
// returns false if the command ended before.
func AtRename(t *testing.T, cmd *exec.Cmd, n int) (killed bool) {
	t.Helper()
	return trace(t, cmd, unix.PTRACE_O_TRACECLONE, func(_ int, regs *unix.PtraceRegs) bool {
		if renames(regs.Orig_rax) {
			n--
		}
		return n < 0
	})
}

// TreeAtChange runs a command and kills it, with the programs that it has started, when one of them is about to change a name or a mode
// for the nth time, counted from 0. It returns false if the command ended before.
func TreeAtChange(t *testing.T, cmd *exec.Cmd, n int) (killed bool) {
	t.Helper()
	return trace(t, cmd, unix.PTRACE_O_TRACEFORK|unix.PTRACE_O_TRACEVFORK, func(_ int, regs *unix.PtraceRegs) bool {
		if changes(regs.Orig_rax) {
			n--
		}
		return n < 0
	})
}

// SyncedFiles runs a command and returns the paths of the files and folders that it synced.
func SyncedFiles(t *testing.T, cmd *exec.Cmd) (synced map[string]bool) {
	t.Helper()
	synced = make(map[string]bool)
	trace(t, cmd, unix.PTRACE_O_TRACECLONE, func(pid int, regs *unix.PtraceRegs) bool {
		if regs.Orig_rax == unix.SYS_FSYNC {
			if path, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", pid, regs.Rdi)); err == nil {
				synced[path] = true
			}
		}
		return false
	})
	return synced
}

// trace runs a command, calls fn when a system call of a traced process begins, and kills all traced processes if fn returns true. It
// reports whether it did. The options add the threads, or the processes, that the command starts.
func trace(t *testing.T, cmd *exec.Cmd, options int, fn func(pid int, regs *unix.PtraceRegs) bool) (killed bool) {
	t.Helper()
	runtime.LockOSThread() // a traced process knows only the thread that started it
	defer runtime.UnlockOSThread()
	cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true, Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Skipf("trace a process: %v", err)
	}
	leader := cmd.Process.Pid
	defer cmd.Process.Release()
	wait(t, leader)
	if err := unix.PtraceSetOptions(leader, options|unix.PTRACE_O_TRACESYSGOOD|unix.PTRACE_O_EXITKILL); err != nil {
		t.Fatal(err)
	}
	unix.PtraceSyscall(leader, 0)
	for {
		pid, status := wait(t, -leader) // its process group: other tests have processes, too
		if pid == 0 {
			return killed
		}
		if status.Exited() || status.Signaled() {
			continue
		}
		deliver := 0
		switch sig := status.StopSignal(); {
		case sig == unix.SIGTRAP|0x80:
			var regs unix.PtraceRegs
			// A system call that begins has the result ENOSYS.
			if !killed && unix.PtraceGetRegs(pid, &regs) == nil && int64(regs.Rax) == -int64(unix.ENOSYS) && fn(pid, &regs) {
				killed = true
				unix.Kill(-leader, unix.SIGKILL)
			}
		case sig != unix.SIGTRAP && sig != unix.SIGSTOP:
			deliver = int(sig)
		}
		unix.PtraceSyscall(pid, deliver) // a thread may have ended
	}
}

// wait waits for a process, or for one of a group if id is negative. It returns 0 if there is none.
func wait(t *testing.T, id int) (pid int, status unix.WaitStatus) {
	t.Helper()
	for {
		switch got, err := unix.Wait4(id, &status, unix.WALL, nil); err {
		case nil:
			return got, status
		case unix.EINTR:
		case unix.ECHILD:
			return 0, status
		default:
			t.Fatalf("wait for the command: %v", err)
		}
	}
}

func renames(call uint64) bool {
	switch call {
	case unix.SYS_RENAME, unix.SYS_RENAMEAT, unix.SYS_RENAMEAT2, unix.SYS_LINKAT, unix.SYS_UNLINKAT, unix.SYS_MKDIRAT:
		return true
	}
	return false
}

func changes(call uint64) bool {
	switch call {
	case unix.SYS_LINK, unix.SYS_SYMLINK, unix.SYS_SYMLINKAT, unix.SYS_UNLINK, unix.SYS_MKDIR, unix.SYS_CHMOD, unix.SYS_FCHMOD, unix.SYS_FCHMODAT:
		return true
	}
	return renames(call)
}
