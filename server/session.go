package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"offlinestore/session"
	"offlinestore/snap"
)

const (
	// maxSessionBody holds a device session request with its serial and model.
	maxSessionBody = 1 << 20
	// nonceTimeout is the time for recording a nonce. snapd waits for ten seconds in all.
	nonceTimeout = 2 * time.Second
)

// The results of session requests in the metrics.
const (
	sessionProven  = "proven"
	sessionGlobal  = "global"
	sessionRefused = "refused"
)

// nonceRecord records the nonces that were used, for all servers of a store.
type nonceRecord interface {
	// UseNonce returns false if the nonce was used before.
	UseNonce(ctx context.Context, id []byte, expires time.Time) (fresh bool, err error)
}

// nonce answers with a new nonce. Nothing is recorded.
func (s *Server) nonce(w http.ResponseWriter, r *http.Request) {
	if err := discardBody(w, r, maxSessionBody); err != nil {
		s.failBody(w, r, err)
		return
	}
	s.writeJSON(w, r, http.StatusOK, typeJSON, map[string]string{"nonce": s.settings.Load().keys.NewNonce(s.cfg.Now())})
}

// session answers a device that proves its identity with a macaroon. A device that is not proven, although its request is consistent, gets a
// session that brings what everybody gets: it must not lose the global snaps because this store does not know its brand.
func (s *Server) session(w http.ResponseWriter, r *http.Request, ix *index) {
	var req session.Request
	if !s.readJSON(w, r, maxSessionBody, &req) {
		return
	}
	keys, now := s.settings.Load().keys, s.cfg.Now()
	v := session.Verifier{Keys: keys, Trust: s.cfg.Trust, Source: ix.brandKeys, Now: now}
	proof, err := inTurn(r, func() (session.Proof, error) { return v.Verify(req) }) // signatures take long
	if err == nil {
		err = s.useNonce(r.Context(), &proof)
	}
	if err != nil {
		s.refuseSession(w, r, &proof, err)
		return
	}
	device, result := proof.Device, sessionProven
	if proof.Doubt != nil {
		s.logSession(slog.LevelInfo, "a device is not proven, and gets a session for the global snaps", &proof, proof.Doubt)
		device, result = session.Device{}, sessionGlobal
	}
	macaroon, err := keys.New(device, now)
	if err != nil {
		s.cfg.Logger.Error("a device session can't be made", "err", err)
		s.fail(w, r, http.StatusInternalServerError, codeInternal, "this store can't make a session")
		return
	}
	s.metrics.sessions.WithLabelValues(result).Inc()
	s.writeJSON(w, r, http.StatusOK, typeJSON, map[string]string{"macaroon": macaroon})
}

// useNonce uses the nonce of a proof, or returns ErrUsed. The record of all servers is for proven devices only, because others could fill
// it. If there is no record now, the device is not proven. The server remembers the nonces of all, also for the time when there is a record
// again.
func (s *Server) useNonce(ctx context.Context, p *session.Proof) error {
	fresh := s.nonces.use(p.Nonce.ID, p.Nonce.Expires)
	if fresh && p.Doubt == nil && s.cfg.Nonces != nil {
		ctx, cancel := context.WithTimeout(ctx, nonceTimeout)
		defer cancel()
		var unused bool
		if unused, p.Doubt = s.cfg.Nonces.UseNonce(ctx, p.Nonce.ID, p.Nonce.Expires); p.Doubt == nil {
			fresh = unused
		}
	}
	if !fresh {
		return fmt.Errorf("nonce: %w", session.ErrUsed)
	}
	return nil
}

func (s *Server) refuseSession(w http.ResponseWriter, r *http.Request, p *session.Proof, err error) {
	s.metrics.sessions.WithLabelValues(sessionRefused).Inc()
	s.logSession(slog.LevelWarn, "a device session is refused", p, err)
	if errors.Is(err, session.ErrForm) {
		s.fail(w, r, http.StatusBadRequest, codeBadRequest, shortReason(err))
		return
	}
	s.fail(w, r, http.StatusForbidden, codeForbidden, shortReason(err))
}

// shortReason returns the text of an error that may quote a client.
func shortReason(err error) string { return fmt.Sprintf("%.400s", err) }

// logSession logs the reason of an answer, and the device that it is for, but no nonce and no macaroon.
func (s *Server) logSession(level slog.Level, message string, p *session.Proof, reason error) {
	s.cfg.Logger.Log(context.Background(), level, message, "reason", shortReason(reason), "brand", shortName(p.Device.Brand), "model", shortName(p.Device.Model),
		"serial", shortName(p.Device.Serial))
}

// shortName returns the beginning of a name that a client gave.
func shortName(name string) string { return fmt.Sprintf("%.60s", name) }

// requireSession returns the device of a request's session. Without a session, that is a device that is not proven. It answers a session that
// is not valid so that snapd gets a new one and repeats the request.
func (s *Server) requireSession(w http.ResponseWriter, r *http.Request) (d session.Device, ok bool) {
	root, found := sessionOf(r.Header)
	if !found {
		return d, true
	}
	d, err := s.settings.Load().keys.Open(root, s.cfg.Now())
	if err == nil {
		return d, true
	}
	level := slog.LevelInfo
	if errors.Is(err, session.ErrExpired) {
		level = slog.LevelDebug // this happens to each device every day
	}
	s.cfg.Logger.Log(r.Context(), level, "a device has to get another session", "reason", err, "path", r.URL.Path)
	w.Header().Set("WWW-Authenticate", "Macaroon refresh_device_session=1")
	s.fail(w, r, http.StatusUnauthorized, codeDeviceSession, "the device's session is not valid here: "+err.Error())
	return session.Device{}, false
}

// sessionHeaders are the headers with the session of a device, in either version of the API.
var sessionHeaders = []string{snap.HeaderDeviceAuthorization, "X-Device-Authorization"}

// sessionVary is shared by all answers. Its capacity lets none append to it in place.
var sessionVary = []string{strings.Join(sessionHeaders, ", ") + ", Authorization"}

// varyBySession tells caches that the answer depends on the session of the device. It is the first to set the header.
func varyBySession(h http.Header) { h["Vary"] = sessionVary }

// sessionOf returns the session in the headers of either version of the API. A request with different sessions has none that is valid.
func sessionOf(h http.Header) (root string, found bool) {
	var all []string
	for _, name := range sessionHeaders {
		all = append(all, h[name]...)
	}
	if len(all) == 0 {
		return "", false
	}
	for _, value := range all[1:] {
		if value != all[0] {
			return "", true
		}
	}
	root, ok := strings.CutPrefix(all[0], `Macaroon root="`)
	root, closed := strings.CutSuffix(root, `"`)
	if !ok || !closed {
		return "", true
	}
	return root, true
}
