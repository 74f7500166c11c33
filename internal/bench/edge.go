//go:build unix

package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	edgeFile    = 100 << 20
	edgeClients = 500
)

// edgeBench is an online store before a store upstream, which is a store of ours that serves imports.
type edgeBench struct {
	b                  *bench
	url, upstream      string
	line               string // by which the edge reaches upstream
	proxyURL, cacheURL string // of nginx
	process            *exec.Cmd
	names              []string
}

// edge compares an online store with nginx as proxy_cache and proxy_pass.
func (b *bench) edge() error {
	e := &edgeBench{b: b}
	if err := e.start(); err != nil {
		return err
	}
	defer stopProcess(e.process)
	return errors.Join(e.hit(), e.miss(), e.crowd(), e.pass())
}

// at returns the address of a file of upstream at another server.
func (e *edgeBench) at(server, address string) string {
	return server + strings.TrimPrefix(address, e.upstream)
}

// hit downloads a file that both have.
func (e *edgeBench) hit() error {
	ours, err := downloadURL(e.b, e.url, e.names[0])
	if err != nil {
		return err
	}
	theirs, err := downloadURL(e.b, e.upstream, e.names[0])
	if err != nil {
		return err
	}
	theirs = e.at(e.cacheURL, theirs)
	var ratios, a, c []float64
	for i := range e.b.rounds + 3 {
		t, err := get(e.b.ctx, theirs, downloadsEach)
		if err != nil {
			return err
		}
		o, err := get(e.b.ctx, ours, downloadsEach)
		if err != nil {
			return err
		}
		if i > 0 { // the first round fills both caches
			ratios, a, c = append(ratios, o/t), append(a, o), append(c, t)
		}
	}
	fmt.Printf("%-42s %6.2fGB/s %6.2fGB/s %7.2f %7s\n", fmt.Sprintf("edge: hits of %d MiB, nginx proxy_cache", edgeFile>>20), median(a)/1e9, median(c)/1e9, median(ratios), ">= 1")
	return nil
}

// lineRate is the rate of the line upstream for misses, in bytes a second: without one, the digests take nearly all of the time.
const lineRate = 50_000_000

// miss downloads files that the edge does not have, beside the same from upstream, by a line of bounded rate.
func (e *edgeBench) miss() error {
	var ratios, a, c []float64
	for _, name := range e.names[1 : 1+e.b.rounds] {
		direct, err := downloadURL(e.b, e.upstream, name)
		if err != nil {
			return err
		}
		ours, err := downloadURL(e.b, e.url, name)
		if err != nil {
			return err
		}
		direct = e.at(e.line, direct)
		t, err := timed(func() error { _, err := getOnce(e.b.ctx, direct); return err })
		if err != nil {
			return err
		}
		o, err := timed(func() error { _, err := getOnce(e.b.ctx, ours); return err })
		if err != nil {
			return err
		}
		ratios, a, c = append(ratios, o.Seconds()/t.Seconds()), append(a, o.Seconds()), append(c, t.Seconds())
	}
	fmt.Printf("%-42s %9.2fs %9.2fs %7.2f %7s\n", "edge: misses, against a direct download", median(a), median(c), median(ratios), "<= 1.05")
	return nil
}

// crowd lets many clients ask for one cold file at once.
func (e *edgeBench) crowd() error {
	name := e.names[len(e.names)-1]
	ours, err := downloadURL(e.b, e.url, name)
	if err != nil {
		return err
	}
	before, err := e.upstreamDownloads()
	if err != nil {
		return err
	}
	var all errgroup.Group
	took, err := timed(func() error {
		for i := range edgeClients { // an address may have only so many connections
			from := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(1+i%100))}}
			client := &http.Client{Transport: &http.Transport{DialContext: from.DialContext, DisableKeepAlives: true}}
			all.Go(func() error { return drain(client, ours) })
		}
		return all.Wait()
	})
	if err != nil {
		return err
	}
	after, err := e.upstreamDownloads()
	if err != nil {
		return err
	}
	_, peak, err := (&serving{process: e.process}).memory()
	if err != nil {
		return err
	}
	fmt.Printf("%-42s %9.2fs %18s\n", fmt.Sprintf("edge: %d clients, a cold file of %d MiB", edgeClients, edgeFile>>20), took.Seconds(), "")
	fmt.Printf("%-42s %10.0f %18s %7s\n", "  downloads from upstream", after-before, "", "1")
	fmt.Printf("%-42s %7.1fMiB\n", "  peak memory of the edge", peak)
	return nil
}

// drain reads a file whole.
func drain(client *http.Client, url string) error {
	resp, err := client.Get(url)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	n, err := io.Copy(io.Discard, resp.Body)
	if err == nil && (n != edgeFile || resp.StatusCode != http.StatusOK) {
		err = fmt.Errorf("%d bytes with status %d", n, resp.StatusCode)
	}
	return err
}

// upstreamDownloads returns the number of downloads that upstream has answered.
func (e *edgeBench) upstreamDownloads() (n float64, err error) {
	resp, err := http.Get(e.upstream + "/metrics")
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, `offlinestore_http_requests_total{code="200",route="/api/v1/snaps/download/{file}"} `); ok {
			_, err = fmt.Sscan(rest, &n)
		}
	}
	return n, err
}

// pass compares the rate of refreshes that pass with nginx, before the same store.
func (e *edgeBench) pass() error {
	body := fmt.Sprintf(`{"context":[],"actions":[{"action":"install","instance-key":"install-1","name":%q,"channel":"stable"}],"fields":["architectures","base","confinement","download",
		"epoch","license","name","private","publisher","revision","snap-id","snap-yaml","summary","title","type","version","media"]}`, e.names[0])
	script := e.b.path("edge", "post.lua")
	if err := os.WriteFile(script, wrkScript([]byte(body)), 0o644); err != nil {
		return err
	}
	if _, err := e.b.proxy(e.b.path("edge", "behind"), "config", "proxy.upstream="+e.upstream); err != nil {
		return err
	}
	time.Sleep(5 * time.Second) // until the edge has taken it up
	var ratios, a, c []float64
	for range e.b.rounds {
		t, _, err := e.b.wrk(e.proxyURL+"/v2/snaps/refresh", "-s", script)
		if err != nil {
			return err
		}
		time.Sleep(time.Second)
		o, _, err := e.b.wrk(e.url+"/v2/snaps/refresh", "-s", script)
		if err != nil {
			return err
		}
		ratios, a, c = append(ratios, o/t), append(a, o), append(c, t)
	}
	fmt.Printf("%-42s %8.0f/s %8.0f/s %7.2f %7s\n", "edge: refreshes that pass, nginx proxy_pass", median(a), median(c), median(ratios), ">= 0.5")
	return nil
}
