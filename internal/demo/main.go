//go:build linux || darwin

// Command demo tells the story of this project on one machine: a simulated store outside, an export, a carried bundle, a
// push, and inside a real snapd client and the requests of Juju and a container runtime. It keeps to the loopback and
// leaves nothing behind.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"

	"offlinestore/internal/assertiontest"
	"offlinestore/internal/upstreamtest"
)

func main() {
	upstream := flag.String("upstream", "", "only serve the simulated store of snaps and charms, on this `address`, until a signal ends it")
	dir := flag.String("dir", "", "`folder` for the simulated store's snaps and root (with -upstream)")
	bin := flag.String("bin", "bin", "`folder` of the two programs")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	if *upstream != "" {
		err = serveUpstream(ctx, *upstream, *dir)
	} else {
		err = runTour(ctx, *bin)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// upstream is the simulated world outside: a store of snaps and charms, and the registry of the charms' images.
type upstream struct {
	url, root string // root is a file that --trusted-root can read
	registry  string // host:port
	// sso and dashboard are the services of logins. brand is the brand with a store.
	sso, dashboard string
	brand          *assertiontest.Account
	store          *upstreamtest.Store
	servers        []*http.Server
	done           sync.WaitGroup
}

func startUpstream(addr, dir string) (u *upstream, err error) {
	u = &upstream{}
	defer func() {
		if err != nil {
			u.stop()
		}
	}()
	images := upstreamtest.DemoRegistry()
	if u.registry, err = u.serve("127.0.0.1:0", images.Handler()); err != nil {
		return nil, err
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	u.url = "http://" + ln.Addr().String()
	sso := upstreamtest.NewSSO()
	store, err := upstreamtest.Demo(upstreamtest.DemoOptions{Origin: u.url, Dir: dir, Payload: 1 << 20, SSO: sso})
	if err == nil {
		err = upstreamtest.DemoCharms(store, upstreamtest.DemoCharmsOptions{Registry: images, Host: u.registry, Payload: 1 << 20})
	}
	if err == nil {
		err = u.addBrand(store, sso, dir)
	}
	u.root, u.store = filepath.Join(dir, "root.assert"), store
	if err == nil {
		err = os.WriteFile(u.root, store.Stack.RootStream(), 0o644)
	}
	if err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	u.serveOn(ln, store.Handler())
	return u, nil
}

func (u *upstream) serve(addr string, h http.Handler) (string, error) {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return "", err
	}
	u.serveOn(ln, h)
	return ln.Addr().String(), nil
}

func (u *upstream) serveOn(ln net.Listener, h http.Handler) {
	srv := &http.Server{Handler: h}
	u.servers = append(u.servers, srv)
	u.done.Go(func() { srv.Serve(ln) }) // ends with Close
}

func (u *upstream) stop() {
	for _, srv := range u.servers {
		srv.Close()
	}
	u.done.Wait()
}

func serveUpstream(ctx context.Context, addr, dir string) error {
	u, err := startUpstream(addr, dir)
	if err != nil {
		return err
	}
	defer u.stop()
	fmt.Printf("simulated store: %s\nits registry:    %s\nits root:        %s\n", u.url, u.registry, u.root)
	<-ctx.Done()
	return nil
}
