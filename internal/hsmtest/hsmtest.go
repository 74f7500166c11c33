//go:build unix

// Package hsmtest makes tokens of SoftHSMv2 for tests, and serves them with p11-kit.
package hsmtest

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// PIN is the PIN of all tokens, and SOPIN the one of their security officers.
const (
	PIN   = "1234-user"
	SOPIN = "1234-officer"
)

// Modules of Debian's packages.
const (
	softHSM   = "/usr/lib/softhsm/libsofthsm2.so"
	p11Client = "pkcs11/p11-kit-client.so"
)

// configVariable is the environment variable from which SoftHSM takes the path of its settings.
const configVariable = "SOFTHSM2_CONF"

// HSM is a folder of tokens. A process has one at most, because SoftHSM finds it by the environment.
type HSM struct {
	// Module is SoftHSM's module.
	Module string
	dir    string
}

// New makes a folder of tokens. The caller removes it.
func New() (*HSM, error) {
	if _, err := os.Stat(softHSM); err != nil {
		return nil, fmt.Errorf("install softhsm2: %w", err)
	}
	dir, err := os.MkdirTemp("", "hsm-")
	if err != nil {
		return nil, err
	}
	config := filepath.Join(dir, "softhsm2.conf")
	err = errors.Join(
		os.Mkdir(filepath.Join(dir, "tokens"), 0o700),
		os.WriteFile(config, fmt.Appendf(nil, "directories.tokendir = %s/tokens\nobjectstore.backend = file\nlog.level = ERROR\nslots.removable = true\n", dir), 0o600),
		os.Setenv(configVariable, config),
	)
	return &HSM{softHSM, dir}, err
}

// Close removes the tokens.
func (h *HSM) Close() error { return os.RemoveAll(h.dir) }

// AddToken makes a token.
func (h *HSM) AddToken(tb testing.TB, label string) {
	tb.Helper()
	Run(tb, "softhsm2-util", "--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", SOPIN)
}

// Give gives the tokens to the owner of a file.
func (h *HSM) Give(tb testing.TB, file string) {
	tb.Helper()
	Run(tb, "chown", "-R", "--reference="+file, h.dir)
}

// Keep keeps a copy of the file in which SoftHSM has the state of a token. A login writes that file, not atomically: if the process is killed
// meanwhile, the file is empty, and no process finds the token any more. restore mends that while no process uses the token, and reports
// whether it had to.
func (h *HSM) Keep(tb testing.TB, label string) (restore func() bool) {
	tb.Helper()
	found, err := filepath.Glob(filepath.Join(h.dir, "tokens", "*", "token.object"))
	if err != nil {
		tb.Fatal(err)
	}
	for _, path := range found {
		text, err := os.ReadFile(path)
		if err != nil || !bytes.Contains(text, []byte(label)) {
			continue // other tests make and remove tokens
		}
		return func() bool {
			tb.Helper()
			if info, err := os.Stat(path); err == nil && info.Size() == int64(len(text)) {
				return false
			}
			if err := os.WriteFile(path, text, 0o600); err != nil {
				tb.Fatal(err)
			}
			return true
		}
	}
	tb.Fatalf("no token %s", label)
	return nil
}

// RemoveToken deletes a token, as if somebody had pulled it out.
func (h *HSM) RemoveToken(tb testing.TB, label string) {
	tb.Helper()
	Run(tb, "softhsm2-util", "--delete-token", "--token", label)
}

// Run runs a program, and returns its standard output.
func Run(tb testing.TB, name string, args ...string) string {
	tb.Helper()
	var stderr bytes.Buffer
	c := exec.CommandContext(tb.Context(), name, args...)
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		tb.Fatalf("%s %s: %v: %s%s", name, strings.Join(args, " "), err, out, stderr.String())
	}
	return string(out)
}

// Server is a p11-kit server for one token.
type Server struct {
	// Module is p11-kit's client module, and Socket the socket of the server.
	Module, Socket string
	module, token  string
	process        *exec.Cmd
}

// Serve starts a server for a token. It ends with the test.
func (h *HSM) Serve(tb testing.TB, label string) *Server {
	tb.Helper()
	found, err := filepath.Glob("/usr/lib/*/" + p11Client)
	if err != nil || len(found) == 0 {
		tb.Fatalf("install p11-kit: no %s (%v)", p11Client, err)
	}
	s := &Server{Module: found[0], Socket: filepath.Join(h.dir, label+".socket"), module: h.Module, token: "pkcs11:token=" + label}
	s.Start(tb)
	tb.Cleanup(func() { s.Stop(tb) })
	return s
}

// Start starts the server.
func (s *Server) Start(tb testing.TB) {
	tb.Helper()
	s.process = exec.Command("p11-kit", "server", "--foreground", "--provider", s.module, "--name", s.Socket, s.token)
	s.process.Stderr = os.Stderr
	s.process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := s.process.Start(); err != nil {
		tb.Fatalf("start p11-kit server: %v", err)
	}
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if c, err := net.Dial("unix", s.Socket); err == nil {
			c.Close()
			return
		}
		if time.Now().After(end) {
			tb.Fatal("p11-kit server takes no connection")
		}
	}
}

// Stop kills the server, with the processes that serve its clients.
func (s *Server) Stop(tb testing.TB) {
	tb.Helper()
	if s.process == nil {
		return
	}
	err := syscall.Kill(-s.process.Process.Pid, syscall.SIGKILL) // the group
	s.process.Wait()
	os.Remove(s.Socket)
	s.process = nil
	if err != nil {
		tb.Errorf("stop p11-kit server: %v", err)
	}
}
