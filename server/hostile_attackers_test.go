//go:build linux

package server_test

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestHostileAttackers attacks the server of TestHostileClients from a process of its own, which gets only the time that the processors have
// left. So the server is measured, not the attackers beside it.
func TestHostileAttackers(t *testing.T) {
	addr := os.Getenv("HOSTILE_ADDRESS")
	if addr == "" {
		return // TestHostileClients starts it
	}
	if err := unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_IDLE}, 0); err != nil {
		t.Log(err)
	}
	request, err := io.ReadAll(os.Stdin)
	if err != nil {
		t.Fatal(err)
	}
	attack(t, addr, request, os.Getenv("HOSTILE_TLS") != "", os.Getenv("HOSTILE_HASTE") != "")
	select {} // until TestHostileClients kills it
}

// startAttack starts the process of the attackers.
func startAttack(t *testing.T, addr, request string, inTLS bool) (stop func()) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestHostileAttackers$", "-test.timeout=5m")
	cmd.Env = append(os.Environ(), "HOSTILE_ADDRESS="+addr)
	if inTLS {
		cmd.Env = append(cmd.Env, "HOSTILE_TLS=1")
	}
	cmd.Stdin = strings.NewReader(request)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceFunc(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	t.Cleanup(stop)
	return stop
}

// attack sends the request over many connections from eight addresses, reads nothing, and connects again where it was cut off.
func attack(t *testing.T, addr string, request []byte, inTLS, hasHaste bool) {
	for i := range attackers {
		from := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(i%8+1))}, Timeout: 5 * time.Second}
		go func() {
			for {
				assail(t.Context(), from, addr, request, inTLS, hasHaste)
				time.Sleep(100 * time.Millisecond)
			}
		}()
	}
}

// assail holds one connection until the server closes it.
func assail(ctx context.Context, from *net.Dialer, addr string, request []byte, inTLS, hasHaste bool) {
	c, err := from.DialContext(ctx, "tcp", addr)
	if err != nil {
		return
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	// The attackers' own memory in the kernel is on other machines.
	c.(*net.TCPConn).SetReadBuffer(4096)
	c.(*net.TCPConn).SetWriteBuffer(64 << 10)
	if inTLS {
		c = tls.Client(c, &tls.Config{InsecureSkipVerify: true})
	}
	if _, err := c.Write(request); err != nil {
		return
	}
	for ctx.Err() == nil && !hasHaste {
		time.Sleep(200 * time.Millisecond)
		if _, err := c.Write([]byte(" ")); len(request) > 0 && err != nil {
			return
		}
	}
}
