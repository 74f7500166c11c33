//go:build linux

package server_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"offlinestore/certificate"
	"offlinestore/server"
	"offlinestore/transfer"
)

// The goals of a server under attack.
const (
	attackers = 1000
	maxMemory = 512 << 20
	// maxSlowdown bounds the time of the slowest answers to another device, as a multiple of the time without an attack. Other work on
	// the machine may delay any answer by noise.
	maxSlowdown = 10
	noise       = 250 * time.Millisecond
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
	attack(t, addr, request, os.Getenv("HOSTILE_TLS") != "")
	select {} // until TestHostileClients kills it
}

// TestHostileServer serves TestHostileClients in a process of its own.
func TestHostileServer(t *testing.T) {
	if os.Getenv("HOSTILE_SERVER") == "" {
		return // TestHostileClients starts it
	}
	debug.SetMemoryLimit(384 << 20)
	b := newBlobs(t)
	s := serve(t, b, catalogue(b), server.Config{})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g, srv := transfer.NewGuard(), s.HTTPServer("")
	g.Protect(srv)
	fmt.Printf("listening %s\n", ln.Addr())
	ln = g.Listen(ln, 3276)
	if os.Getenv("HOSTILE_SERVER") == "https" {
		c, err := certificate.SelfSigned([]string{"127.0.0.1"}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		var certificates certificate.Reloader
		certificates.Set(c)
		ln = tls.NewListener(ln, certificates.Config())
	}
	t.Log(srv.Serve(ln))
}

// TestHostileClients attacks a server with a thousand connections in each way, and measures its memory and the answers that another
// device gets.
func TestHostileClients(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	empty := strings.TrimSuffix(strings.Repeat("{},", 65_000), ",")
	several := strings.TrimSuffix(strings.Repeat("{},", 9_000), ",")
	var names strings.Builder
	for i := range 2_000 {
		fmt.Fprintf(&names, "%x:\n", i)
	}
	unfinished := strings.Repeat(" ", 4<<20-10)
	hostileNames := "GET / HTTP/1.1\r\n" + strings.Repeat(names.String(), 2500)
	tests := map[string]struct {
		scheme, request string
		inTLS           bool
	}{
		"idle":                  {"http", "", false},
		"empty assertions":      {"http", post(`{"actions":[{"action":"fetch-assertions","key":"k","assertions":[`+empty+`]}]}`, 0), false},
		"some empty assertions": {"http", post(`{"actions":[{"action":"fetch-assertions","key":"k","assertions":[`+several+`]}]}`, 0), false},
		"empty actions":         {"http", post(`{"actions":[`+empty+`]}`, 0), false},
		"some empty actions":    {"http", post(`{"actions":[`+strings.TrimSuffix(strings.Repeat("{},", 1000), ",")+`]}`, 0), false},
		"unfinished bodies":     {"http", post(unfinished, 10), false},
		"header names":          {"http", hostileNames, false},
		"header names in TLS":   {"https", hostileNames, true},
		"unfinished headers":    {"http", "GET / HTTP/1.1\n" + names.String(), false},
		"searches":              {"http", "GET /v2/snaps/find?q=a HTTP/1.1\r\nHost: a\r\n\r\n", false},
		"handshakes":            {"https", string(clientHello(t)), false},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			addr, pid := startServer(t, c.scheme)
			origin := c.scheme + "://" + addr
			quiet := slowest(t, origin)
			stop := startAttack(t, addr, c.request, c.inTLS)
			time.Sleep(time.Second)
			busy := slowest(t, origin)
			stop()
			memory := highWater(t, pid)
			t.Logf("p99 quiet %v, under attack %v; most memory %d MiB", quiet, busy, memory>>20)
			if memory > maxMemory {
				t.Errorf("memory = %d MiB, want at most %d", memory>>20, maxMemory>>20)
			}
			for i := range busy {
				if busy[i] > max(maxSlowdown*quiet[i], noise) {
					t.Errorf("p99 = %v under attack, %v without", busy[i], quiet[i])
				}
			}
		})
	}
}

// clientHello returns the first message of a client that speaks TLS.
func clientHello(t *testing.T) []byte {
	t.Helper()
	ours, theirs := net.Pipe()
	defer theirs.Close()
	go tls.Client(ours, &tls.Config{InsecureSkipVerify: true}).Handshake()
	hello := make([]byte, 16<<10)
	n, err := theirs.Read(hello)
	if err != nil {
		t.Fatal(err)
	}
	return hello[:n]
}

// post returns a refresh request whose body lacks its last bytes.
func post(body string, missing int) string {
	return fmt.Sprintf("POST /v2/snaps/refresh HTTP/1.1\r\nHost: a\r\nSnap-Device-Architecture: amd64\r\nContent-Length: %d\r\n\r\n%s", len(body)+missing, body)
}

func startServer(t *testing.T, scheme string) (addr string, pid int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestHostileServer$", "-test.timeout=5m")
	cmd.Env = append(os.Environ(), "HOSTILE_SERVER="+scheme)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if a, ok := strings.CutPrefix(lines.Text(), "listening "); ok {
			go io.Copy(io.Discard, out)
			return a, cmd.Process.Pid
		}
	}
	t.Fatal("the server does not listen")
	return "", 0
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
func attack(t *testing.T, addr string, request []byte, inTLS bool) {
	for i := range attackers {
		from := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(i%8+1))}, Timeout: 5 * time.Second}
		go func() {
			for {
				assail(t.Context(), from, addr, request, inTLS)
				time.Sleep(100 * time.Millisecond)
			}
		}()
	}
}

// assail holds one connection until the server closes it.
func assail(ctx context.Context, from *net.Dialer, addr string, request []byte, inTLS bool) {
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
	for ctx.Err() == nil {
		time.Sleep(200 * time.Millisecond)
		if _, err := c.Write([]byte(" ")); len(request) > 0 && err != nil {
			return
		}
	}
}

// slowest returns the times that only one of a hundred answers exceeds, over one connection and over a connection for each request.
func slowest(t *testing.T, origin string) (p99 [2]time.Duration) {
	t.Helper()
	for i, isNew := range []bool{false, true} {
		took := askRepeatedly(t, origin, 3000, isNew)
		slices.Sort(took)
		p99[i] = took[len(took)*99/100]
	}
	return p99
}

// askRepeatedly measures the requests of a device that has some snaps.
func askRepeatedly(t *testing.T, origin string, n int, isNew bool) (took []time.Duration) {
	t.Helper()
	body := []byte(`{"context":[],"actions":[{"action":"install","instance-key":"1","name":"jq","channel":"stable"}]}`)
	transport := &http.Transport{DisableKeepAlives: isNew, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	client := &http.Client{Transport: transport, Timeout: 30 * time.Second}
	defer client.CloseIdleConnections()
	for range n {
		began := time.Now()
		req, err := http.NewRequest("POST", origin+"/v2/snaps/refresh", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Snap-Device-Architecture", "amd64")
		resp, err := client.Do(req)
		if err != nil {
			t.Fatalf("another device: %v", err)
		}
		_, err = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("another device gets %s, %v", resp.Status, err)
		}
		took = append(took, time.Since(began))
	}
	return took
}

// highWater returns the largest size of a process's memory.
func highWater(t *testing.T, pid int) int64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "VmHWM:" {
			n, _ := strconv.ParseInt(f[1], 10, 64)
			return n << 10
		}
	}
	t.Fatal("no VmHWM")
	return 0
}
