//go:build linux

package main_test

import (
	"encoding/pem"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"sync/atomic"

	"github.com/rogpeppe/go-internal/testscript"

	"offlinestore/internal/upstreamtest"
)

// line is the line to a simulated store upstream.
type line struct{ down atomic.Bool }

// change implements upstream [tls|up|down]: it begins a store at $UPSTREAM, or cuts the line to it, or mends it. With TLS, the file
// authority.pem has its authority.
func (l *line) change(ts *testscript.TestScript, _ bool, args []string) {
	secure := slices.Contains(args, "tls")
	if len(args) > 0 && !secure {
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
	if secure {
		srv.StartTLS()
		text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})
		ts.Check(os.WriteFile(ts.MkAbs("authority.pem"), text, 0o600))
	} else {
		srv.Start()
	}
	ts.Defer(srv.Close)
	ts.Setenv("UPSTREAM", srv.URL)
}
