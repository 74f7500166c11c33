//go:build linux

package main_test

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// bashCompletion is Debian's library for completion in bash.
const bashCompletion = "/usr/share/bash-completion/bash_completion"

// TestTab presses the Tab key in a real bash.
func TestTab(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat(bashCompletion); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	s := newSite(t)
	script, err := exec.Command("snap-store-proxy", "completion", "bash").Output()
	if err != nil {
		t.Fatal(err)
	}
	s.mustRun("push-snap", s.file("update.tar", update(t).Tar("none")))
	b := s.bash(string(script))
	for _, c := range []struct{ typed, want string }{
		{"snap-store-proxy enable-a", "snap-store-proxy enable-airgap-mode "},
		{"snap-store-proxy push-snap --allow-u", "snap-store-proxy push-snap --allow-unsigned "},
		{"snap-store-proxy --data-dir " + s.dir + " show thi", " show third "},
		{"snap-store-proxy --data-dir " + s.dir + " why third --arch ppc", " --arch ppc64el "},
		{"snap-store-proxy config proxy.dom", "snap-store-proxy config proxy.domain"},
	} {
		b.seen.Reset()
		b.complete(c.typed, c.want)
		b.press("\x15") // clears the line
	}
}

// shell is a bash on a terminal.
type shell struct {
	t      *testing.T
	master *os.File
	seen   bytes.Buffer
}

// bash starts a bash that completes words by script.
func (s *site) bash(script string) *shell {
	s.t.Helper()
	master, terminal := openTerminal(s.t)
	s.t.Cleanup(func() { master.Close() })
	rc := filepath.Join(s.tmp, "bashrc")
	text := "PS1='ready: '; bind 'set enable-bracketed-paste off'; stty cols 500; . " + bashCompletion + "\n" + script
	if err := os.WriteFile(rc, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	cmd := exec.Command("bash", "--noprofile", "--rcfile", rc, "-i")
	cmd.Env = append(os.Environ(), "TERM=dumb", "INPUTRC=/dev/null")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = terminal, terminal, terminal
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	terminal.Close()
	s.t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	b := &shell{t: s.t, master: master}
	b.waitFor("ready: ")
	return b
}

// press types on the terminal.
func (b *shell) press(keys string) {
	b.t.Helper()
	if _, err := io.WriteString(b.master, keys); err != nil {
		b.t.Fatal(err)
	}
}

// waitFor reads until the terminal shows text.
func (b *shell) waitFor(text string) {
	b.t.Helper()
	if !b.shows(text, patience) {
		b.t.Fatalf("saw %q, want %q", b.seen.String(), text)
	}
}

// complete types and waits for the completion. A busy machine may take longer than the programs look names up, so it presses Tab again.
func (b *shell) complete(typed, want string) {
	b.t.Helper()
	b.press(typed)
	for range 8 {
		b.press("\t")
		if b.shows(want, 5*time.Second) {
			return
		}
	}
	b.t.Fatalf("%s and Tab: saw %q, want %q", typed, b.seen.String(), want)
}

// shows reads until the terminal shows text, for a bounded time.
func (b *shell) shows(text string, limit time.Duration) bool {
	b.t.Helper()
	b.master.SetReadDeadline(time.Now().Add(limit))
	buf := make([]byte, 1<<10)
	for !strings.Contains(b.seen.String(), text) {
		n, err := b.master.Read(buf)
		if err != nil {
			return false
		}
		b.seen.Write(buf[:n])
	}
	return true
}
