// Command demo tells the story of this project on one machine: a simulated store outside, an export, a carried bundle, a
// push, and a real snapd client inside. It keeps to the loopback and leaves nothing behind.
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
	"syscall"

	"offlinestore/internal/upstreamtest"
)

func main() {
	upstream := flag.String("upstream", "", "only serve the simulated store, on this `address`, until a signal ends it")
	dir := flag.String("dir", "", "`folder` for the simulated store's snaps and root (with -upstream)")
	bin := flag.String("bin", "bin", "`folder` of the two programs")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	if *upstream != "" {
		err = serveUpstream(ctx, *upstream, *dir)
	} else {
		err = tour(ctx, *bin)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// startUpstream starts the simulated store and writes its root where --trusted-root can read it.
func startUpstream(addr, dir string) (url, root string, stop func(), err error) {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return "", "", nil, err
	}
	url = "http://" + ln.Addr().String()
	store, err := upstreamtest.Demo(upstreamtest.DemoOptions{BaseURL: url, Dir: dir, Payload: 1 << 20})
	if err != nil {
		return "", "", nil, errors.Join(err, ln.Close())
	}
	root = filepath.Join(dir, "root.assert")
	if err := os.WriteFile(root, store.Stack.RootStream(), 0o644); err != nil {
		return "", "", nil, errors.Join(err, ln.Close())
	}
	srv := &http.Server{Handler: store.Handler()}
	done := make(chan struct{})
	go func() {
		defer close(done)
		srv.Serve(ln) // ends with Close
	}()
	return url, root, func() { srv.Close(); <-done }, nil
}

func serveUpstream(ctx context.Context, addr, dir string) error {
	url, root, stop, err := startUpstream(addr, dir)
	if err != nil {
		return err
	}
	defer stop()
	fmt.Printf("simulated store: %s\nits root:        %s\n", url, root)
	<-ctx.Done()
	return nil
}
