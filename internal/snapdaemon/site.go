//go:build linux

package snapdaemon

import (
	"context"
	"crypto/tls"
	"errors"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"testing"
	"time"
)

// Site is a web server that runs in the test process and listens inside the
// daemon's network namespace.
type Site struct {
	Addr        string // for instance 127.0.0.1:443
	Handler     http.Handler
	Certificate *tls.Certificate // a certificate makes the site HTTPS
	Pipe        string           // replaces both: the address of a server outside, which gets all bytes unchanged
}

// Forward returns a handler that forwards every request to the server at target on this machine, with the Host of the
// client's request. Range and HEAD requests, and their answers, pass through unchanged.
func Forward(tb testing.TB, target string) http.Handler {
	tb.Helper()
	u, err := url.Parse(target)
	if err != nil {
		tb.Fatalf("forward to %q: %v", target, err)
	}
	transport := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 8}
	tb.Cleanup(transport.CloseIdleConnections)
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(u)
			r.SetXForwarded()
			r.Out.Host = r.In.Host
		},
		Transport: transport,
		ErrorLog:  log.New(testWriter{tb}, "forward: ", 0),
	}
}

// serveSites starts all sites. They stop when the test ends.
func (d *Daemon) serveSites() error {
	if len(d.opts.Sites) == 0 {
		return nil
	}
	helper, err := d.ns.buildListener()
	if err != nil {
		return err
	}
	for _, s := range d.opts.Sites {
		if err := d.serve(helper, s); err != nil {
			return err
		}
	}
	return nil
}

func (d *Daemon) serve(helper string, s Site) error {
	l, err := d.ns.listen(helper, s.Addr)
	if err != nil {
		return err
	}
	if s.Pipe != "" {
		d.pipe(l, s.Pipe)
		return nil
	}
	if s.Certificate != nil {
		l = tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{*s.Certificate}})
	}
	srv := &http.Server{
		Handler:           s.Handler,
		ReadHeaderTimeout: startTimeout,
		ErrorLog:          log.New(testWriter{d.tb}, s.Addr+": ", 0),
	}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	stop := d.ns.stop
	d.ns.stop = func() error {
		// Stop the client first, so that no connection is left to wait for.
		err := stop()
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if srv.Shutdown(ctx) != nil {
			srv.Close()
		}
		if e := <-done; !errors.Is(e, http.ErrServerClosed) {
			d.tb.Errorf("serve %s: %v", s.Addr, e)
		}
		return err
	}
	return nil
}

// testWriter writes into the test's log.
type testWriter struct{ tb testing.TB }

func (w testWriter) Write(p []byte) (int, error) {
	w.tb.Logf("%s", p)
	return len(p), nil
}
