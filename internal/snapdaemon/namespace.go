//go:build linux

package snapdaemon

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// holderScript is the first process of the namespaces, and lives as long as its standard input. $1 holds replacements for
// files in /etc. /var/lib is hidden because snapd writes to /var/lib/snapd even if it has another root folder.
const holderScript = `set -e
ip link set lo up
mount --bind "$1/hosts" /etc/hosts
if test -e /etc/nsswitch.conf; then mount --bind "$1/nsswitch.conf" /etc/nsswitch.conf; fi
mount -t tmpfs tmpfs /var/lib
echo ready
read -r _ || true`

// startTimeout bounds the wait for anything that normally takes a moment.
const startTimeout = 30 * time.Second

// namespace is a mount, a network and a PID namespace, and for users other than root also a user namespace.
type namespace struct {
	pid  int    // the PID of unshare, which is outside of the PID namespace
	dir  string // the folder for the helper program
	stop func() error
}

// newNamespace makes the namespaces. They end when stop is called, and also when the test process dies, because that
// closes the holder's standard input.
func newNamespace(dir string) (*namespace, error) {
	args := []string{"--mount", "--net", "--pid", "--fork", "--mount-proc", "--kill-child=KILL"}
	if os.Geteuid() != 0 {
		args = append(args, "--map-root-user")
	}
	var stderr bytes.Buffer
	cmd := exec.Command("unshare", append(args, "sh", "-c", holderScript, "sh", dir)...)
	cmd.Stderr = &stderr
	cmd.WaitDelay = time.Second
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	stop := func() error {
		stdin.Close()
		timer := time.AfterFunc(startTimeout, func() { _ = cmd.Process.Kill() })
		defer timer.Stop()
		return cmd.Wait()
	}
	timer := time.AfterFunc(startTimeout, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	if line, _ := bufio.NewReader(stdout).ReadString('\n'); line != "ready\n" {
		err := stop()
		return nil, fmt.Errorf("make namespaces: %w", errors.Join(err, errors.New(strings.TrimSpace(stderr.String()))))
	}
	return &namespace{pid: cmd.Process.Pid, dir: dir, stop: stop}, nil
}

// command returns the command that runs args in the namespaces. The end of the namespaces kills a process that outlives
// its command.
func (ns *namespace) command(ctx context.Context, args ...string) *exec.Cmd {
	pid := strconv.Itoa(ns.pid)
	enter := []string{"--target", pid, "--mount", "--net", "--pid=/proc/" + pid + "/ns/pid_for_children"}
	if os.Geteuid() != 0 {
		enter = append(enter, "--user", "--preserve-credentials")
	}
	cmd := exec.CommandContext(ctx, "nsenter", append(append(enter, "--"), args...)...)
	cmd.Dir = ns.dir
	cmd.WaitDelay = time.Second
	return cmd
}

// awaitPort waits until something listens on addr in the namespace.
func (ns *namespace) awaitPort(addr string) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	const script = `until : 2>/dev/null >"/dev/tcp/$1/$2"; do sleep 0.05; done`
	if err := ns.command(ctx, "bash", "-c", script, "bash", host, port).Run(); err != nil {
		return fmt.Errorf("wait for %s: %w", addr, err)
	}
	return nil
}

// buildListener builds the program that listens for the test process.
func (ns *namespace) buildListener() (string, error) {
	name := filepath.Join(ns.dir, "nslisten")
	_, err := tool("", nil, "go", "build", "-o", name, "offlinestore/internal/snapdaemon/nslisten")
	return name, err
}

// listen listens on addr in the namespace and hands the listener to this process, which is outside.
func (ns *namespace) listen(helper, addr string) (net.Listener, error) {
	ours, theirs, err := socketPair()
	if err != nil {
		return nil, err
	}
	defer ours.Close()
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	cmd := ns.command(ctx, helper, addr)
	cmd.ExtraFiles = []*os.File{theirs}
	out, err := cmd.CombinedOutput()
	theirs.Close()
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w: %s", addr, err, strings.TrimSpace(string(out)))
	}
	return receiveListener(ours)
}

func socketPair() (ours, theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	return os.NewFile(uintptr(fds[0]), "ours"), os.NewFile(uintptr(fds[1]), "theirs"), nil
}

// receiveListener receives a listener from the socket.
func receiveListener(socket *os.File) (net.Listener, error) {
	oob := make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := unix.Recvmsg(int(socket.Fd()), make([]byte, 1), oob, unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		return nil, err
	}
	messages, err := unix.ParseSocketControlMessage(oob[:n])
	if err != nil || len(messages) != 1 {
		return nil, fmt.Errorf("receive a listener: %d messages: %w", len(messages), err)
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		return nil, fmt.Errorf("receive a listener: %d descriptors: %w", len(fds), err)
	}
	f := os.NewFile(uintptr(fds[0]), "listener")
	defer f.Close()
	return net.FileListener(f)
}
