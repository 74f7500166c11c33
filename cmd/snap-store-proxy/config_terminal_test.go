//go:build linux

package main_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"offlinestore/cmd/internal/cli"
)

// TestSecretsAreAskedForWithoutEcho types secrets on a terminal.
func TestSecretsAreAskedForWithoutEcho(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	s := &site{t: t, dir: filepath.Join(dir, "data"), tmp: dir}
	for _, c := range []struct {
		name, arg, prompt, typed string
		code                     int
		key, want                string
	}{
		{"password of a database", "proxy.db.connection=postgresql://store@db.example.internal/store", "Password for proxy.db.connection (Enter for none): ", "hunter2\r",
			cli.OK, "proxy.db.connection", "postgresql://store:hunter2@db.example.internal/store\n"},
		{"no password", "proxy.db.connection=host=db.example.internal", "Password for proxy.db.connection", "\r", cli.OK, "proxy.db.connection", "host=db.example.internal\n"},
		{"secret", "proxy.oci-registry.password=-", "proxy.oci-registry.password: ", "hunter2\r", cli.OK, "proxy.oci-registry.password", "hunter2\n"},
		{"nothing", "proxy.oci-registry.password=-", "proxy.oci-registry.password: ", "\r", cli.Usage, "proxy.oci-registry.password", "hunter2\n"},
		{"Ctrl-C", "proxy.oci-registry.password=-", "proxy.oci-registry.password: ", "hunt\x03", cli.Failed, "proxy.oci-registry.password", "hunter2\n"},
	} {
		out, code := s.typeInto(c.arg, c.prompt, c.typed)
		if code != c.code || strings.Contains(out, "hunt") {
			t.Errorf("%s: exit code %d, want %d, with no secret in %q", c.name, code, c.code, out)
		}
		if r := s.run("config", "--show-secret", c.key); r.stdout != c.want {
			t.Errorf("%s: %s = %q, want %q", c.name, c.key, r.stdout, c.want)
		}
	}
}

// TestSecretsOnATerminal prints a secret on a terminal only if it is asked for.
func TestSecretsOnATerminal(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	s := &site{t: t, dir: filepath.Join(dir, "data"), tmp: dir}
	if r := s.run("config", "proxy.auth.secret=hunter2hunter2hunter2hunter2"); r.code != cli.OK {
		t.Fatal(r.stderr)
	}
	if out := s.onTerminal("config", "proxy.auth.secret"); strings.Contains(out, "hunter2") || !strings.Contains(out, "--show-secret prints it") {
		t.Errorf("config KEY on a terminal: %q", out)
	}
	if out := s.onTerminal("config", "proxy.auth.secret", "proxy.domain"); strings.Contains(out, "hunter2") || !strings.Contains(out, "--show-secret prints it") {
		t.Errorf("config KEY1 KEY2 on a terminal: %q", out)
	}
	if out := s.onTerminal("config", "--show-secret", "proxy.auth.secret"); !strings.Contains(out, "hunter2") {
		t.Errorf("config --show-secret KEY on a terminal: %q", out)
	}
}

// onTerminal runs a command on a terminal and returns its output.
func (s *site) onTerminal(args ...string) string {
	s.t.Helper()
	master, terminal := openTerminal(s.t)
	defer master.Close()
	defer terminal.Close()
	cmd := s.command(s.t.Context(), args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = terminal, terminal, terminal
	if err := cmd.Run(); err != nil {
		s.t.Fatal(err)
	}
	terminal.Close()
	var seen bytes.Buffer
	master.SetReadDeadline(time.Now().Add(patience))
	io.Copy(&seen, master) // ends with an error after every process has closed the terminal
	return seen.String()
}

// typeInto runs config on a terminal, and answers its prompt.
func (s *site) typeInto(arg, prompt, typed string) (out string, code int) {
	s.t.Helper()
	master, terminal := openTerminal(s.t)
	defer master.Close()
	defer terminal.Close()
	before, err := unix.IoctlGetTermios(int(terminal.Fd()), unix.TCGETS)
	if err != nil {
		s.t.Fatal(err)
	}
	cmd := s.command(s.t.Context(), "config", arg)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = terminal, terminal, terminal
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	var seen bytes.Buffer
	buf := make([]byte, 1<<10)
	for !strings.Contains(seen.String(), prompt) {
		master.SetReadDeadline(time.Now().Add(patience))
		n, err := master.Read(buf)
		if err != nil {
			s.t.Fatalf("%s: saw %q, want %q: %v", arg, seen.String(), prompt, err)
		}
		seen.Write(buf[:n])
	}
	if _, err := io.WriteString(master, typed); err != nil {
		s.t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); err != nil && !errors.As(err, &exit) {
		s.t.Fatal(err)
	}
	after, err := unix.IoctlGetTermios(int(terminal.Fd()), unix.TCGETS)
	if err != nil {
		s.t.Fatal(err)
	}
	if *after != *before {
		s.t.Errorf("%s: the terminal is left in another mode", arg)
	}
	terminal.Close()
	master.SetReadDeadline(time.Now().Add(patience))
	io.Copy(&seen, master) // ends with an error after every process has closed the terminal
	return seen.String(), cmd.ProcessState.ExitCode()
}

// openTerminal opens a new terminal and its master side.
func openTerminal(t *testing.T) (master, terminal *os.File) {
	t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	master = os.NewFile(uintptr(fd), "/dev/ptmx")
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		master.Close()
		t.Fatal(err)
	}
	return master, terminal
}
