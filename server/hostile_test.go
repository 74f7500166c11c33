//go:build linux

package server_test

import (
	"bufio"
	"bytes"
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
	"testing"
	"time"

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
		ln = secureListener{ln, certificates.Config()}
	}
	t.Log(srv.Serve(ln))
}

// secureListener accepts connections in TLS, as the service does.
type secureListener struct {
	net.Listener
	config *tls.Config
}

func (l secureListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return transfer.Secure(c, l.config), nil
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
	var unfinishedHeader strings.Builder
	for i := range 95 {
		fmt.Fprintf(&unfinishedHeader, "%0150x:\n", i)
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
		"hasty header names":    {"http", "GET / HTTP/1.1\n" + names.String(), false},
		"header names behind":   {"http", "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\n" + names.String()[:4000], false},
		"unfinished headers":    {"http", "GET / HTTP/1.1\n" + unfinishedHeader.String(), false},
		"searches":              {"http", "GET /v2/snaps/find?q=a HTTP/1.1\r\nHost: a\r\n\r\n", false},
		"handshakes":            {"https", string(clientHello(t)), false},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			addr, pid := startServer(t, c.scheme)
			origin := c.scheme + "://" + addr
			quiet := slowest(t, origin)
			if strings.HasPrefix(name, "hasty") {
				t.Setenv("HOSTILE_HASTE", "1")
			}
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
