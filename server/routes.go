package server

import (
	"net/http"
	"slices"

	"offlinestore/registrar"
	"offlinestore/snap"
)

// storeVersion is the version of the store's API in answers. snapd compares it with several thresholds.
const storeVersion = "62"

// The paths for monitors.
const (
	checkPath   = "/_status/check"
	metricsPath = "/metrics"
)

// route is a row of the API: a method and a path, the handler that answers it, and its name in the metrics.
type route struct {
	method, path string
	handler      http.HandlerFunc
}

// catalogHandler answers from one state of the catalogue, as one device sees it.
type catalogHandler func(http.ResponseWriter, *http.Request, *index)

func (s *Server) table() []route {
	const purchase = "nothing can be bought from this store"
	return []route{
		{"POST", "/v2/snaps/refresh", s.forDevice(s.refresh)},
		{"GET", "/v2/snaps/info/{name}", s.forDevice(s.info)},
		{"GET", "/v2/snaps/find", s.forDevice(s.find)},
		{"GET", "/v2/snaps/categories", s.forDevice(s.categories)},
		{"GET", "/v2/assertions/{path...}", s.forDevice(s.serveAssertion)},
		{"GET", "/api/v1/snaps/assertions/{path...}", s.forDevice(s.serveAssertion)},
		{"GET", downloadPath + "{file}", s.forDevice(s.download)},
		{"GET", iconPath + "{file}", s.forDevice(s.icon)},
		{"GET", "/api/v1/snaps/sections", s.forDevice(s.sections)},
		{"GET", "/api/v1/snaps/names", s.forDevice(s.names)},
		{"GET", "/api/v1/snaps/details/{name}", s.forDevice(s.details)},
		{"POST", "/api/v1/snaps/metadata", s.forDevice(s.metadata)},
		{"GET", "/api/v1/snaps/search", s.forDevice(s.legacySearch)},
		{"POST", "/api/v1/snaps/auth/nonces", s.nonce},
		{"POST", "/api/v1/snaps/auth/sessions", s.withIndex(s.session)},
		{"POST", "/api/v1/snaps/auth/request-id", s.forRegistration(s.behindProxy(s.requestID), s.noRegistration())},
		{"POST", "/api/v1/snaps/auth/devices", s.forRegistration(s.behindProxy(s.registerDevice), s.noRegistration())},
		{"POST", deviceServicePath + "request-id", s.forRegistration(s.requestID, s.unknown)},
		{"POST", deviceServicePath + "serial", s.forRegistration(s.registerDevice, s.unknown)},
		{"POST", "/request-id", s.forRegistration(s.requestID, s.unknown)},
		{"POST", "/serial", s.forRegistration(s.registerDevice, s.unknown)},
		{"GET", "/v2/charms/info/{name}", s.withIndex(s.charmInfo)},
		{"GET", "/v2/charms/find", s.withIndex(s.charmFind)},
		{"GET", "/v2/charms/categories", s.withIndex(s.charmCategories)},
		{"POST", "/v2/charms/refresh", s.withIndex(s.charmRefresh)},
		{"GET", "/v2/charms/resources/{charm}/{resource}/revisions", s.withIndex(s.charmResources)},
		{"GET", charmDownloadPath + "{file}", s.withIndex(s.charmDownload)},
		{"GET", resourceDownloadPath + "{file}", s.withIndex(s.resourceDownload)},
		{"GET", storeAssertionPath, s.storeAssertion},
		{"POST", "/v2/cohorts", s.forDevice(s.cohorts)},
		{"POST", "/v2/messages", s.refusal(http.StatusNotFound, "this store does not manage devices")},
		{"GET", "/api/v1/snaps/purchases/orders", s.orders},
		{"GET", "/api/v1/snaps/purchases/customers/me", s.refusal(http.StatusNotFound, purchase)},
		{"POST", "/api/v1/snaps/purchases/buy", s.refusal(http.StatusNotFound, purchase)},
		{"GET", checkPath, s.serveStatus},
		{"GET", metricsPath, s.metrics.handler().ServeHTTP},
		{"GET", docsPath + "{$}", s.serveDocs},
		{"GET", docsPath + "{page}", s.serveDocs},
		{"GET", "/{$}", s.root},
	}
}

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	methods := make(map[string][]string)
	for _, r := range s.table() {
		mux.Handle(r.method+" "+r.path, s.instrument(r.path, r.handler))
		methods[r.path] = append(methods[r.path], r.method)
		if r.method == http.MethodGet {
			methods[r.path] = append(methods[r.path], http.MethodHead)
		}
	}
	for path, allowed := range methods {
		refuse := s.notAllowed(allowed)
		if isDeviceService(path) {
			refuse = s.forRegistration(func(w http.ResponseWriter, r *http.Request, _ registrar.Knowledge) { s.notAllowed(allowed)(w, r) }, s.unknown)
		}
		mux.Handle(path, s.instrument(path, refuse))
	}
	for _, path := range administrationPaths {
		mux.Handle(path, s.instrument("administration", s.administer))
	}
	mux.Handle("/", s.instrument("other", s.unknown))
	return mux
}

// commonHeaders sets the headers of every answer. HEAD / gets a version only if this store registers devices: a version of 6 or more attracts
// the serial requests of devices whose gadget has a device service of its own.
func (s *Server) commonHeaders(next http.Handler) http.Handler {
	version, nosniff := []string{storeVersion}, []string{"nosniff"}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h["X-Content-Type-Options"] = nosniff
		if r.Method != http.MethodHead || r.URL.Path != "/" || s.registers(s.index.Load()) && s.cfg.Registrar.Opened() {
			h[snap.HeaderStoreVersion] = version
		}
		next.ServeHTTP(w, r)
	})
}

// instrument counts and logs the requests of a handler.
func (s *Server) instrument(name string, next http.HandlerFunc) http.Handler {
	m := s.metrics.route(name)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.cfg.AccessLog.Serve(w, r, name, next, m.observe)
	})
}

// forDevice gives h the catalogue as the device of the request's session sees it. Handlers without forDevice never see private snaps.
func (s *Server) forDevice(h catalogHandler) http.HandlerFunc {
	return s.withIndex(func(w http.ResponseWriter, r *http.Request, ix *index) {
		varyBySession(w.Header())
		view, ok := s.requireView(w, r, ix)
		if !ok {
			return
		}
		if view != ix {
			w.Header().Set("Cache-Control", "private")
		}
		h(w, r, view)
	})
}

// withIndex gives h the catalogue. Before there is one, it tells devices to come back.
func (s *Server) withIndex(h catalogHandler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ix := s.index.Load()
		if ix == nil {
			w.Header().Set("Retry-After", "5")
			s.fail(w, r, http.StatusServiceUnavailable, codeUnavailable, "this store has not loaded its catalogue yet")
			return
		}
		h(w, r, ix)
	}
}

func (s *Server) unknown(w http.ResponseWriter, r *http.Request) {
	s.fail(w, r, http.StatusNotFound, snap.CodeNotFound, "this store has nothing under this path")
}

func (s *Server) notAllowed(methods []string) http.HandlerFunc {
	slices.Sort(methods)
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Allow"] = methods
		s.fail(w, r, http.StatusMethodNotAllowed, codeNotAllowed, "this path is not for this method")
	}
}
