//go:build linux

package main_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync/atomic"

	"github.com/rogpeppe/go-internal/testscript"

	"offlinestore/internal/upstreamtest"
)

// line is the line to a simulated store upstream.
type line struct{ down atomic.Bool }

// change implements upstream [up|down]: it begins a store at $UPSTREAM, or cuts the line to it, or mends it.
func (l *line) change(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) > 0 {
		l.down.Store(args[0] == "down")
		return
	}
	store, err := upstreamtest.Demo(upstreamtest.DemoOptions{})
	ts.Check(err)
	h := store.Handler()
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case l.down.Load():
			panic(http.ErrAbortHandler)
		case r.URL.Path == "/" || r.Method == http.MethodHead:
			w.WriteHeader(http.StatusOK)
		default:
			h.ServeHTTP(w, r)
		}
	}))
	srv.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	srv.Start()
	ts.Defer(srv.Close)
	ts.Setenv("UPSTREAM", srv.URL)
}
