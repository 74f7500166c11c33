package edge

import (
	"net/http"
	"strings"
	"time"

	"offlinestore/transfer"
)

// localPaths are the paths that this store answers itself, too. A path that ends with a slash stands for all below it.
var localPaths = []string{"/{$}", "/_status/check", "/metrics", "/docs/", "/v2/auth/", "/api/v2/tokens/", "/v2/metadata/overrides", "/v2/metadata/overrides/",
	"/publishergw/", "/device-service/", "/request-id", "/serial"}

// routes returns the API. Requests without a route of their own pass.
func (e *Edge) routes() http.Handler {
	mux := http.NewServeMux()
	for _, path := range localPaths {
		mux.HandleFunc(path, e.local) // the store itself logs these
	}
	mux.Handle("POST /v2/snaps/refresh", e.instrument("refresh", e.refresh))
	mux.Handle("POST /api/v1/snaps/metadata", e.instrument("metadata", e.metadata))
	mux.Handle("POST /v2/charms/refresh", e.instrument("charm-refresh", e.refreshCharms))
	mux.Handle("GET /v2/snaps/info/{name}", e.instrument("info", e.info))
	mux.Handle("POST /api/v1/snaps/auth/sessions", e.instrument("sessions", e.session))
	mux.Handle("POST /api/v1/snaps/auth/request-id", e.instrument("registration", e.register("request-id")))
	mux.Handle("POST /api/v1/snaps/auth/devices", e.instrument("registration", e.register("serial")))
	e.addGiven(mux)
	mux.Handle("/", e.instrument("passed", e.other))
	return e.direct(mux)
}

// direct refuses requests to other hosts: this is no forward proxy.
func (e *Edge) direct(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Host != "" || r.Method == http.MethodConnect || !strings.HasPrefix(r.URL.Path, "/") {
			fail(w, http.StatusMisdirectedRequest, codeForbidden, "this store passes nothing on to other hosts: ask for a path of the store")
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (e *Edge) instrument(kind string, next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.cfg.AccessLog.Serve(w, r, kind, next, func(_ *transfer.Recorder, took time.Duration) { e.metrics.durations.Observe(took.Seconds()) })
	})
}

func (e *Edge) local(w http.ResponseWriter, r *http.Request) {
	e.metrics.requests.WithLabelValues(outcomeLocal).Inc()
	e.cfg.Local.ServeHTTP(w, r)
}

// other answers requests without a route: files by their links, short answers that may be kept, and the rest.
func (e *Edge) other(w http.ResponseWriter, r *http.Request) {
	isGet := r.Method == http.MethodGet || r.Method == http.MethodHead
	switch {
	case isGet && strings.Contains(r.URL.RawQuery, linkParameter+"="):
		e.file(w, r)
	case isGet && isDownload(r.URL.Path):
		if !e.fromImports(w, r) {
			e.pass(w, r)
		}
	case r.Method == http.MethodGet && kindOf(r.URL.Path) != nil:
		e.keep(w, r, kindOf(r.URL.Path))
	default:
		e.pass(w, r)
	}
}
