//go:build unix

package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"offlinestore/internal/upstreamtest"
)

// configFolder has the configuration of store-admin, for all parts.
const configFolder = "config"

// outside is a simulated store with bulk snaps, and an export from it.
type outside struct {
	b     *bench
	store *upstreamtest.Store
	names []string
	url   string
	root  string
	cache string
	env   []string
	close func()
	// roundTrip is the time that each answer takes at least, for a store that is far away.
	roundTrip atomic.Int64
}

// delayed answers with h after a round trip.
func (o *outside) delayed(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(time.Duration(o.roundTrip.Load()))
		h.ServeHTTP(w, r)
	})
}

// newOutside starts a store with snaps that hold size bytes together.
func (b *bench) newOutside(name string, size int64, snaps int) (*outside, error) {
	dir := b.path(name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	url := "http://" + ln.Addr().String()
	store, err := upstreamtest.New(upstreamtest.Options{Origin: url})
	if err != nil {
		return nil, err
	}
	o := &outside{b: b, store: store, url: url, root: filepath.Join(dir, "root.assert"), cache: filepath.Join(dir, "cache")}
	o.env = append(os.Environ(), "STORE_ADMIN_SNAP_STORE_URL="+url, "STORE_ADMIN_CHARMHUB_URL="+url, "STORE_ADMIN_CONFIG_DIR="+b.path(configFolder))
	for i := range snaps {
		n := fmt.Sprintf("bulk-%03d", i)
		o.names = append(o.names, n)
		if err := addSnap(store, n, size/int64(snaps)); err != nil {
			return nil, err
		}
	}
	if err := os.WriteFile(o.root, store.Stack.RootStream(), 0o644); err != nil {
		return nil, err
	}
	srv := &http.Server{Handler: o.delayed(store.Handler())}
	go srv.Serve(ln) // ends with Close
	o.close = func() { srv.Close() }
	return o, nil
}

func addSnap(store *upstreamtest.Store, name string, size int64) error {
	if err := store.AddSnap(upstreamtest.Snap{Name: name}); err != nil {
		return err
	}
	if err := store.AddRevision(name, upstreamtest.Rev{Revision: 1, Version: "1", Blob: upstreamtest.Random(name, size)}); err != nil {
		return err
	}
	return store.Release(name, "amd64", "latest/stable", 1)
}

// export runs the export into dir and returns its peak memory in bytes.
func (o *outside) export(dir string) (peak int64, err error) {
	return o.exportWith(o.cache, dir, o.names...)
}

func (o *outside) exportWith(cache, dir string, names ...string) (peak int64, err error) {
	args := append([]string{"export", "snaps", "--no-deps", "--no-icons", "--trusted-root", o.root, "--cache-dir", cache, "--export-dir", dir}, names...)
	c := exec.CommandContext(o.b.ctx, filepath.Join(o.b.bin, "store-admin"), args...)
	c.Env = o.env
	return o.b.execute(c)
}

// exportSingle exports all snaps into one file.
func (o *outside) exportSingle(file string) error {
	args := append([]string{"export", "snaps", "--no-deps", "--no-icons", "--trusted-root", o.root, "--cache-dir", o.cache, "--single", file}, o.names...)
	c := exec.CommandContext(o.b.ctx, filepath.Join(o.b.bin, "store-admin"), args...)
	c.Env = o.env
	_, err := o.b.execute(c)
	return err
}

// execute runs a command quietly and returns its peak memory in bytes. If the command fails, execute shows the command's
// output.
func (b *bench) execute(c *exec.Cmd) (peak int64, err error) {
	out, err := c.CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("%s: %w\n%s", filepath.Base(c.Path), err, out)
	}
	return c.ProcessState.SysUsage().(*syscall.Rusage).Maxrss << 10, nil
}

// trust makes a store's data folder trust the exporter and its root.
func (o *outside) trust(data string) error {
	c := exec.CommandContext(o.b.ctx, filepath.Join(o.b.bin, "store-admin"), "key", "export")
	c.Env = o.env
	key, err := c.Output()
	if err != nil {
		return err
	}
	file := o.b.path("key.pem")
	if err := os.WriteFile(file, key, 0o644); err != nil {
		return err
	}
	if _, err := o.b.proxy(data, "trust", "add", file); err != nil {
		return err
	}
	_, err = o.b.proxy(data, "trust", "root", "add", o.root)
	return err
}

// proxy runs a command of snap-store-proxy and returns its peak memory in bytes.
func (b *bench) proxy(data string, args ...string) (int64, error) {
	return b.execute(exec.CommandContext(b.ctx, filepath.Join(b.bin, "snap-store-proxy"), append([]string{"--data-dir", data}, args...)...))
}
