// Package gateway is the publisher gateway's API, by which administrators manage the keys, the models and the serial policies of brands. The
// administration serves it, and authorises its requests.
package gateway

import (
	"cmp"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"offlinestore/audit"
	"offlinestore/catalog"
	"offlinestore/registrar"
	"offlinestore/server/admin"
	"offlinestore/server/gateway/api"
)

// Config holds the parts of a gateway. Admin and Store are required.
type Config struct {
	// Admin authorises requests, and exchanges tokens.
	Admin *admin.Server
	Store *catalog.DB
	// Token has the keys of brands; nil if there is none.
	Token registrar.Token
	// Logger gets the actions of administrators; nil discards them.
	Logger *slog.Logger
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// gateway answers the requests.
type gateway struct {
	Config
	mux http.ServeMux

	mu sync.Mutex
	// making has the names of the keys that are made at the moment.
	making map[string]bool
}

// New returns the API, for the path [api.Path].
func New(c Config) http.Handler {
	c.Logger = cmp.Or(c.Logger, slog.New(slog.DiscardHandler))
	if c.Now == nil {
		c.Now = time.Now
	}
	g := &gateway{Config: c, making: make(map[string]bool)}
	g.mux.HandleFunc("POST /v1/tokens/offline/exchange", g.exchange)
	g.mux.HandleFunc("GET /v1/tokens/whoami", g.handle("", g.whoami))
	const brand = "/v1/brand/{brand}"
	for pattern, h := range map[string]handler{
		"GET " + brand:            g.brand,
		"GET " + brand + "/model": g.models,
		"GET " + brand + "/model/{model}/serial_policy":         g.policies,
		"GET " + brand + "/model/{model}/serial-log":            g.serialLog,
		"GET " + brand + "/model/{model}/serial/{s}/serial-log": g.serialLogOf,
		"GET " + brand + "/signing_key":                         g.keys,
		"GET " + brand + "/remodel-allowlist":                   g.remodels,
	} {
		g.mux.HandleFunc(pattern, g.handle("", g.ofBrand(h)))
	}
	for pattern, h := range map[string]handler{
		"POST " + brand + "/model":                                    g.addModel,
		"PATCH " + brand + "/model/{model}":                           g.changeModel,
		"DELETE " + brand + "/model/{model}":                          g.removeModel,
		"POST " + brand + "/model/{model}/serial_policy":              g.addPolicy,
		"DELETE " + brand + "/model/{model}/serial_policy/{revision}": g.removePolicy,
		"POST " + brand + "/signing_key":                              g.addKey,
		"DELETE " + brand + "/signing_key/{key}":                      g.removeKey,
		"GET " + brand + "/signing_key/{key}/key-request":             g.keyRequest,
		"POST " + brand + "/remodel-allowlist":                        g.addRemodels,
		"PATCH " + brand + "/remodel-allowlist":                       g.changeRemodels,
		"POST " + brand + "/remodel-allowlist/delete":                 g.removeRemodels,
	} {
		g.mux.HandleFunc(pattern, g.handle(catalog.RoleModelAdministrator, g.ofBrand(h)))
	}
	g.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		g.refuse(w, r, &admin.Refusal{Status: http.StatusNotFound, Code: api.CodeNotFound, Message: "the gateway has no such call"})
	})
	return http.StripPrefix(api.Path, &g.mux)
}

// request is a request of an administrator.
type request struct {
	*http.Request
	w     http.ResponseWriter
	login *catalog.Session
}

// handler answers a request with a value as JSON, with 200, 201 or 204; or with a text of its own.
type handler func(r *request) (answer any, err error)

// created is the answer to a request that made something.
type created struct{ any }

// document is an answer that is no JSON.
type document struct {
	mediaType string
	text      []byte
}

// handle lets only administrators with a role pass, or each of them if it is empty.
func (g *gateway) handle(role string, h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		login, refusal := g.Admin.Authorize(r, role)
		if refusal != nil {
			g.refuse(w, r, refusal)
			return
		}
		r = r.WithContext(audit.WithActor(r.Context(), audit.Actor{Who: login.Email, From: admin.Address(r)}))
		answer, err := h(&request{r, w, login})
		if err != nil {
			g.fail(w, r, err)
			return
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			g.Logger.Info("model service changed", "admin", login.Email, "from", admin.Address(r), "method", r.Method, "path", r.URL.Path)
		}
		g.answer(w, answer)
	}
}

// ofBrand lets only requests about a known brand pass.
func (g *gateway) ofBrand(h handler) handler {
	return func(r *request) (any, error) {
		if _, err := g.account(r); err != nil {
			return nil, err
		}
		return h(r)
	}
}
