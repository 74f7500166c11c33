// Package admin is the store's API for administrators: logins, and the overrides of channels. It has a listener of its own, which
// devices can't reach.
//
// An administrator asks for a root macaroon. This store discharges the macaroon's third-party caveat itself, for an email and a
// password: behind an air gap, there is nobody else to ask. Each request shows root and discharge together.
package admin

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"offlinestore/catalog"
	"offlinestore/server/admin/api"
	"offlinestore/transfer"
)

// pingTimeout bounds the time that the database may take for the status check.
const pingTimeout = 10 * time.Second

// Config holds the parts of a Server. Store and Secret are required.
type Config struct {
	Store *catalog.DB
	// Secret signs the macaroons: proxy.auth.secret. A new secret ends all logins.
	Secret string
	// Overrides returns the keeper of the overrides, which may change; nil is Store.
	Overrides func() Overrides
	// StoreAdmin returns the administrator of the Snap Store who is one here, too; nil if there is none.
	StoreAdmin func() StoreAdmin
	// Logger gets the actions of administrators; nil discards them.
	Logger *slog.Logger
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Overrides lists and changes the overrides of the catalogue, or of a store upstream.
type Overrides interface {
	Overrides(ctx context.Context, name string) ([]catalog.Override, error)
	SetOverrides(ctx context.Context, by string, changes []catalog.OverrideChange) ([]catalog.Override, error)
}

// Server is the API for administrators.
type Server struct {
	cfg                 Config
	keys                keys
	identity            api.Identity
	accounts, addresses *limiter
	hashing             chan struct{}
	mux                 *http.ServeMux
}

// minSecret is the shortest secret that New accepts, in bytes.
const minSecret = 24

// New returns a Server.
func New(cfg Config) (*Server, error) {
	if len(cfg.Secret) < minSecret {
		return nil, errors.New("proxy.auth.secret is too short: want 24 characters or more, at random")
	}
	cfg.Logger = cmp.Or(cfg.Logger, slog.New(slog.DiscardHandler))
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	s := &Server{cfg: cfg, keys: deriveKeys(cfg.Secret), identity: api.NewIdentity(cfg.Secret), hashing: make(chan struct{}, maxHashing)}
	s.accounts, s.addresses = s.newLimiter(accountAttempts), s.newLimiter(addressAttempts)
	if cfg.Overrides == nil {
		s.cfg.Overrides = func() Overrides { return cfg.Store }
	}
	if cfg.StoreAdmin == nil {
		s.cfg.StoreAdmin = func() StoreAdmin { return StoreAdmin{} }
	}
	s.mux = http.NewServeMux()
	s.mux.HandleFunc("POST "+api.IdentityPath, s.proveIdentity)
	s.mux.HandleFunc("POST /v2/auth/issue-store-admin", s.issue)
	s.mux.HandleFunc("POST /api/v2/tokens/discharge", s.discharge)
	s.mux.HandleFunc("POST /api/v2/tokens/refresh", s.refresh)
	s.mux.HandleFunc("GET /v2/metadata/overrides/{snap}", s.authorized("", s.listOverrides))
	s.mux.HandleFunc("POST /v2/metadata/overrides", s.authorized(catalog.RoleOperator, s.setOverrides))
	s.mux.HandleFunc("GET /_status/check", s.serveStatus)
	s.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.fail(w, r, http.StatusNotFound, codeNotFound, "there is nothing here; devices are served on another port")
	})
	return s, nil
}

// Mount adds another API below a path. It authorises its requests with [Server.Authorize].
func (s *Server) Mount(path string, api http.Handler) { s.mux.Handle(path+"/", api) }

// Handler returns the API.
func (s *Server) Handler() http.Handler { return harden(s.mux) }

// HTTPServer returns an http.Server for the API on addr, with bounds on time and size.
func (s *Server) HTTPServer(addr string) *http.Server {
	out := transfer.NewServer(addr, s.Handler(), s.cfg.Logger)
	out.ConnContext = withPeer
	return out
}

func harden(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		next.ServeHTTP(w, r)
	})
}

func (s *Server) serveStatus(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), pingTimeout)
	defer cancel()
	if err := s.cfg.Store.Ping(ctx); err != nil {
		s.failStore(w, r, err)
		return
	}
	s.answer(w, http.StatusOK, struct{}{})
}
