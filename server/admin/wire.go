package admin

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"regexp"

	strict "github.com/go-json-experiment/json"

	"offlinestore/catalog"
	"offlinestore/server/admin/api"
	"offlinestore/transfer"
)

// The codes of errors. The Snap Store's API has the ones in lower case; Ubuntu SSO, whose protocol logins use, has the ones in
// capitals.
const (
	codeBadRequest  = "bad-request"
	codeNotFound    = "resource-not-found"
	codeTooLarge    = "request-too-large"
	codeUnavailable = "unavailable"
	codeInternal    = "internal-error"
	codeNeedLogin   = "macaroon-authorization-required"
	codeNeedRefresh = "macaroon-needs-refresh"
	codeNeedRole    = "macaroon-permission-required"
	codeCredentials = "INVALID_CREDENTIALS"
	codeTooMany     = "TOO_MANY_REQUESTS"
)

func (s *Server) fail(w http.ResponseWriter, r *http.Request, status int, code, message string) {
	s.cfg.Logger.Debug("refused", "method", r.Method, "path", r.URL.Path, "status", status, "from", Address(r), "why", message)
	e := api.Error{Code: code, Message: message}
	s.answer(w, status, api.ErrorBody{Error: e, ErrorList: []api.Error{e}})
}

// refuse answers with a refusal.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, f *Refusal) {
	maps.Copy(w.Header(), f.Header)
	s.fail(w, r, f.Status, f.Code, f.Message)
}

func (s *Server) failStore(w http.ResponseWriter, r *http.Request, err error) {
	s.refuse(w, r, s.refusalOf(err))
}

// refusalOf returns the answer to an error of the catalogue. A fault of the database is logged for the operator, and not shown to the
// client.
func (s *Server) refusalOf(err error) *Refusal {
	var notFound *catalog.NotFoundError
	var channel *catalog.ChannelError
	switch {
	case errors.As(err, &notFound):
		return &Refusal{Status: http.StatusNotFound, Code: codeNotFound, Message: notFound.Error()}
	case errors.As(err, &channel):
		return &Refusal{Status: http.StatusBadRequest, Code: codeBadRequest, Message: channel.Error()}
	case errors.Is(err, ErrUpstream):
		s.cfg.Logger.Warn("administration", "err", err)
		return &Refusal{Status: http.StatusBadGateway, Code: codeUnavailable, Message: "the store upstream does not answer as it should: overrides hold, and new ones need it"}
	case errors.Is(err, catalog.ErrUnavailable):
		s.cfg.Logger.Error("administration", "err", err)
		return &Refusal{Status: http.StatusServiceUnavailable, Code: codeUnavailable, Message: "the database is not available"}
	case errors.Is(err, context.Canceled):
		return &Refusal{Status: http.StatusServiceUnavailable, Code: codeUnavailable, Message: "the request was given up"}
	}
	s.cfg.Logger.Error("administration", "err", err)
	return &Refusal{Status: http.StatusInternalServerError, Code: codeInternal, Message: "the store could not do it; its log says why"}
}

func (s *Server) answer(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		s.cfg.Logger.Error("encode answer", slog.Any("err", err))
		status, b = http.StatusInternalServerError, []byte("{}")
	}
	transfer.WriteText(w, status, "application/json", b)
}

// readJSON reads one value, or answers the request with an error and returns false.
func (s *Server) readJSON(w http.ResponseWriter, r *http.Request, limit int64, v any) bool {
	refusal := ReadJSON(w, r, limit, v)
	if refusal != nil {
		s.refuse(w, r, refusal)
	}
	return refusal == nil
}

// ReadJSON reads one value of at most limit bytes, without unknown, repeated or differently spelled members. It refuses other types than JSON's, since browsers send such
// requests for any page.
func ReadJSON(w http.ResponseWriter, r *http.Request, limit int64, v any) *Refusal {
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "application/json" {
		return &Refusal{Status: http.StatusUnsupportedMediaType, Code: codeBadRequest, Message: "the Content-Type must be application/json"}
	}
	err := strict.UnmarshalRead(http.MaxBytesReader(w, r.Body, limit), v, strict.RejectUnknownMembers(true))
	var tooLarge *http.MaxBytesError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &tooLarge):
		return &Refusal{Status: http.StatusRequestEntityTooLarge, Code: codeTooLarge, Message: "the request is too large"}
	}
	return &Refusal{Status: http.StatusBadRequest, Code: codeBadRequest, Message: "the request is not the JSON that belongs here"}
}

// validHost limits the characters of a location: it comes from clients, and is sent to clients. A limit of the length in the expression
// would cost milliseconds at each start.
var validHost = regexp.MustCompile(`^[A-Za-z0-9.:\[\]_-]+$`)

const maxHost = 255

// location returns the host at which a client reached this API, where it logs in too.
func (s *Server) location(r *http.Request) (string, *Refusal) {
	if len(r.Host) > maxHost || !validHost.MatchString(r.Host) {
		return "", &Refusal{Status: http.StatusBadRequest, Code: codeBadRequest, Message: "the header Host names no host"}
	}
	if r.TLS != nil {
		return "https://" + r.Host, nil
	}
	return "http://" + r.Host, nil
}

// Address returns the client's address, or the network that surely belongs to the client alone. A host has many addresses for itself.
func Address(r *http.Request) string {
	if peer, ok := r.Context().Value(peerKey{}).(string); ok {
		return peer
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	a, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	if a = a.Unmap(); a.IsLoopback() {
		return "loopback"
	}
	if a.Is6() {
		if p, err := a.WithZone("").Prefix(64); err == nil {
			return p.String()
		}
	}
	return a.String()
}
