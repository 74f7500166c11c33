//go:build unix

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// serve starts snap-store-proxy serve on a free port.
func (b *bench) serve(data string) (stop func(), url string, err error) {
	if _, err := b.proxy(data, "config", "proxy.airgap=true"); err != nil {
		return nil, "", err
	}
	return b.start(filepath.Join(b.bin, "snap-store-proxy"), "--data-dir", data, "serve", "--listen", "127.0.0.1:0", "--log-level", "error")
}

// start starts a server that prints its URL in its first line.
func (b *bench) start(program string, args ...string) (stop func(), url string, err error) {
	c := exec.CommandContext(b.ctx, program, args...)
	if url, err = startProcess(c); err != nil {
		return nil, "", err
	}
	return func() { stopProcess(c) }, url, nil
}

func startProcess(c *exec.Cmd) (url string, err error) {
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err != nil {
		return "", err
	}
	if err := c.Start(); err != nil {
		return "", err
	}
	r := bufio.NewReader(out)
	line, err := r.ReadString('\n')
	i := strings.Index(line, "http://")
	if err != nil || i < 0 {
		return "", errors.Join(fmt.Errorf("%s said %q", c.Path, line), err, c.Process.Kill(), c.Wait())
	}
	go io.Copy(io.Discard, r) // ends with the process
	return strings.TrimSpace(line[i:]), nil
}

func stopProcess(c *exec.Cmd) {
	c.Process.Signal(os.Interrupt)
	c.Wait()
}

// later registers a server for stopServers. The end of the program calls stopServers at the latest.
func (b *bench) later(stop func()) {
	if stop != nil {
		b.stops = append(b.stops, stop)
	}
}

// stopServers stops the registered servers.
func (b *bench) stopServers() {
	for _, stop := range b.stops {
		stop()
	}
	b.stops = nil
}

// constantServer runs a bare handler that reads the request and writes an answer of the same size as ours. This is the
// yardstick of refresh.
func constantServer(size string) error {
	n, err := strconv.Atoi(size)
	if err != nil {
		return err
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	answer := make([]byte, n)
	fmt.Printf("http://%s\n", ln.Addr())
	return http.Serve(ln, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", size)
		w.Write(answer)
	}))
}

const (
	catalogueSnaps = 10_000
	installedSnaps = 10
)

// refresh compares the rate of refresh requests with a handler that writes a constant.
func (b *bench) refresh() error {
	data := b.path("refresh", "data")
	if err := os.MkdirAll(filepath.Dir(data), 0o755); err != nil {
		return err
	}
	ids, err := b.fillCatalogue(data)
	if err != nil {
		return err
	}
	stop, url, err := b.serve(data)
	if err != nil {
		return err
	}
	defer stop()
	body := refreshBody(ids)
	size, err := answerSize(b.ctx, url, body)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	stopBare, bare, err := b.start(self, "-constant-server", strconv.Itoa(size))
	if err != nil {
		return err
	}
	defer stopBare()
	script := b.path("refresh", "post.lua")
	if err := os.WriteFile(script, wrkScript(body), 0o644); err != nil {
		return err
	}
	var ratios, ours, theirs, p99 []float64
	for range b.rounds {
		t, _, err := b.wrk(bare+"/v2/snaps/refresh", "-s", script)
		if err != nil {
			return err
		}
		o, latency, err := b.wrk(url+"/v2/snaps/refresh", "-s", script)
		if err != nil {
			return err
		}
		ratios, ours, theirs, p99 = append(ratios, o/t), append(ours, o), append(theirs, t), append(p99, latency)
	}
	fmt.Printf("%-42s %8.0f/s %8.0f/s %7.2f %7s\n", fmt.Sprintf("refresh of %d snaps (%d kB), catalogue of %d", installedSnaps, size/1000, catalogueSnaps),
		median(ours), median(theirs), median(ratios), ">= 0.5")
	fmt.Printf("%-42s %8.2fms\n", "  99 of 100 are answered within", median(p99))
	return b.refreshWithSession(data, url, script, body)
}

func refreshBody(ids []string) []byte {
	type m map[string]any
	var installed, actions []m
	for _, id := range ids {
		installed = append(installed, m{"snap-id": id, "instance-key": id, "revision": 1, "tracking-channel": "latest/stable",
			"epoch": m{"read": []int{0}, "write": []int{0}}, "refreshed-date": "2026-05-06T07:08:09Z"})
		actions = append(actions, m{"action": "refresh", "instance-key": id, "snap-id": id})
	}
	fields := strings.Fields(`architectures base confinement links contact created-at description download epoch license name prices private
		publisher revision snap-id snap-yaml summary title type version website store-url integrity media common-ids categories resources`)
	body, err := json.Marshal(m{"context": installed, "actions": actions, "fields": fields})
	if err != nil {
		panic(err) // plain values in maps always encode
	}
	return body
}

// answerSize sends one request, checks that the answer offers every snap, and returns the size of the answer.
func answerSize(ctx context.Context, url string, body []byte) (int, error) {
	req, err := http.NewRequestWithContext(ctx, "POST", url+"/v2/snaps/refresh", strings.NewReader(string(body)))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Snap-Device-Architecture", "amd64")
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if n := strings.Count(string(answer), `"result":"refresh"`); err == nil && n != installedSnaps {
		err = fmt.Errorf("%d results in place of %d: %.300s", n, installedSnaps, answer)
	}
	return len(answer), err
}

func wrkScript(body []byte) []byte {
	return fmt.Appendf(nil, "wrk.method = \"POST\"\nwrk.body = [==[%s]==]\nwrk.headers[\"Content-Type\"] = \"application/json\"\nwrk.headers[\"Snap-Device-Architecture\"] = \"amd64\"\n", body)
}

var (
	wrkRate = regexp.MustCompile(`Requests/sec:\s+([0-9.]+)`)
	wrkP99  = regexp.MustCompile(`99%\s+([0-9.]+)(us|ms|s)`)
	wrkBad  = regexp.MustCompile(`Non-2xx|Socket errors`)
)

// wrk sends requests for a few seconds. It returns their rate and the time in ms within which 99 of 100 are answered.
func (b *bench) wrk(url string, args ...string) (rate, p99 float64, err error) {
	out, err := exec.CommandContext(b.ctx, "wrk", append([]string{"-t1", "-c16", "-d4s", "--latency", "--timeout", "30s", url}, args...)...).CombinedOutput()
	if err != nil || wrkBad.Match(out) {
		return 0, 0, fmt.Errorf("wrk: %w: %s", err, out)
	}
	if m := wrkRate.FindSubmatch(out); m != nil {
		rate, err = strconv.ParseFloat(string(m[1]), 64)
	}
	if m := wrkP99.FindSubmatch(out); m != nil && err == nil {
		p99, err = strconv.ParseFloat(string(m[1]), 64)
		p99 *= map[string]float64{"us": 0.001, "ms": 1, "s": 1000}[string(m[2])]
	}
	if rate == 0 && err == nil {
		err = fmt.Errorf("wrk: no rate in its output: %s", out)
	}
	return rate, p99, err
}

// get downloads a URL n times over two connections and returns the bytes per second.
func get(ctx context.Context, url string, n int) (float64, error) {
	errs := make(chan error, 2)
	sizes := make(chan int64, 2)
	start := time.Now()
	for range 2 {
		go func() {
			var total int64
			for range n {
				size, err := getOnce(ctx, url)
				if total += size; err != nil {
					errs <- err
					sizes <- 0
					return
				}
			}
			errs <- nil
			sizes <- total
		}()
	}
	err := errors.Join(<-errs, <-errs)
	return float64(<-sizes+<-sizes) / time.Since(start).Seconds(), err
}

func getOnce(ctx context.Context, url string) (int64, error) {
	out, err := exec.CommandContext(ctx, "curl", "-sf", "-o", "/dev/null", "-w", "%{size_download}", url).Output()
	if err != nil {
		return 0, fmt.Errorf("curl %s: %w", url, err)
	}
	return strconv.ParseInt(string(out), 10, 64)
}
