package server

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"

	"offlinestore/registrar"
	"offlinestore/snap"
	"offlinestore/transfer"
)

// typeAssertion is the media type of assertions.
const typeAssertion = "application/x.ubuntu.assertion"

// The results of requests for serials in the metrics.
const (
	serialIssued  = "issued"
	serialPending = "pending"
	serialRefused = "refused"
	serialFailed  = "failed"
)

// The seconds after which a device comes back that has to wait, or that this store can't answer now.
const (
	pendingRetry = "60"
	failedRetry  = "30"
)

// deviceRegistrar signs and records serials.
type deviceRegistrar interface {
	// Register answers a request that was verified. The error may be registrar.ErrPending.
	Register(ctx context.Context, p *registrar.Proof) ([]byte, error)
	// Pending returns the number of requests that wait for the token.
	Pending() int
	// Opened reports whether the token was opened at least once.
	Opened() bool
}

// registers reports whether this store signs serials for a model of a catalogue.
func (s *Server) registers(ix *index) bool {
	if s.cfg.Registrar == nil || ix == nil {
		return false
	}
	k := registrar.Knowledge{Models: ix.serialModels}
	return k.Serves()
}

// forRegistration gives h the state of this store, if it registers devices. Otherwise refuse answers.
func (s *Server) forRegistration(h func(http.ResponseWriter, *http.Request, registrar.Knowledge), refuse http.HandlerFunc) http.HandlerFunc {
	answer := s.withIndex(func(w http.ResponseWriter, r *http.Request, ix *index) {
		h(w, r, s.knowledge(ix))
	})
	return func(w http.ResponseWriter, r *http.Request) {
		if ix := s.index.Load(); s.cfg.Registrar == nil || ix != nil && !s.registers(ix) {
			refuse(w, r)
			return
		}
		answer(w, r)
	}
}

// knowledge returns the state of this store for a request for a serial.
func (s *Server) knowledge(ix *index) registrar.Knowledge {
	return registrar.Knowledge{Keys: s.settings.Load().keys, Trust: s.cfg.Trust, Source: ix.brandKeys, Models: ix.serialModels, Now: s.cfg.Now()}
}

// noRegistration refuses devices of a store that registers none.
func (s *Server) noRegistration() http.HandlerFunc {
	return s.refusal(http.StatusForbidden, "this store does not register devices")
}

// requestID answers with the request-id for a request for a serial. Nothing is recorded.
func (s *Server) requestID(w http.ResponseWriter, r *http.Request, knows registrar.Knowledge) {
	if err := discardBody(w, r, registrar.MaxBody); err != nil {
		s.failBody(w, r, err)
		return
	}
	if !knows.KnowsAPIKey(r.Header.Get(apiKeyHeader)) {
		s.refuseSerial(w, r, &registrar.Proof{}, registrar.ErrAPIKey)
		return
	}
	s.writeJSON(w, r, http.StatusOK, typeJSON, map[string]string{"request-id": knows.Keys.NewRequestID(knows.Now)})
}

// registerDevice answers a request for a serial.
func (s *Server) registerDevice(w http.ResponseWriter, r *http.Request, knows registrar.Knowledge) {
	ctx, cancel := context.WithTimeout(r.Context(), registrar.AnswerTime)
	defer cancel()
	r = r.WithContext(ctx)
	pooled := getBuffer()
	defer putBuffer(pooled)
	body, err := transfer.ReadBody(w, r, registrar.MaxBody, *pooled)
	*pooled = body
	if err != nil {
		s.failBody(w, r, err)
		return
	}
	request := registrar.Request{Body: body, APIKey: r.Header.Get(apiKeyHeader), Origin: s.clientAddress(r),
		Current: func() registrar.Knowledge { return s.knowledge(s.index.Load()) }}
	proof := &registrar.Proof{}
	_, err = inTurn(r, func() (_ struct{}, err error) { // signatures take long
		proof, err = knows.Verify(request)
		return struct{}{}, err
	})
	if err != nil && r.Context().Err() == nil {
		s.refuseSerial(w, r, proof, err)
		return
	}
	var answer []byte
	if err == nil {
		answer, err = s.cfg.Registrar.Register(r.Context(), proof)
	}
	switch {
	case err == nil:
		s.metrics.serials.WithLabelValues(serialIssued).Inc()
		s.writeText(w, r, http.StatusOK, typeAssertion, answer)
	case errors.Is(err, registrar.ErrPending):
		s.metrics.serials.WithLabelValues(serialPending).Inc()
		w.Header().Set("Retry-After", pendingRetry)
		s.writeJSON(w, r, http.StatusAccepted, typeJSON, map[string]string{"message": err.Error()})
	case ctx.Err() != nil: // the device is gone, or the time is over
		s.failBusy(w, r)
	case registrar.IsRefusal(err):
		s.refuseSerial(w, r, proof, err)
	default:
		s.failSerial(w, r, proof, err)
	}
}

// refuseSerial answers a device with the reason, unless that is for the administrator.
func (s *Server) refuseSerial(w http.ResponseWriter, r *http.Request, p *registrar.Proof, err error) {
	s.metrics.serials.WithLabelValues(serialRefused).Inc()
	status, code, message := http.StatusForbidden, codeForbidden, shortReason(err)
	level, what := slog.LevelWarn, "a request for a serial is refused"
	switch {
	case errors.Is(err, registrar.ErrForm):
		status, code = http.StatusBadRequest, codeBadRequest
	case errors.Is(err, registrar.ErrModel), errors.Is(err, registrar.ErrPolicy):
		status, code = http.StatusNotFound, snap.CodeNotFound
	case errors.Is(err, registrar.ErrSigningKey), errors.Is(err, registrar.ErrNoKey), errors.Is(err, registrar.ErrNoToken):
		message = "this store can't sign serials of the model now: its log has the reason"
		level, what = slog.LevelError, "serials of a model can't be signed"
	}
	s.logSerial(level, what, r, p, err)
	s.fail(w, r, status, code, message)
}

// failSerial tells a device to come back, because the token or the database does not do its part. snapd repeats the request after any status
// above 500.
func (s *Server) failSerial(w http.ResponseWriter, r *http.Request, p *registrar.Proof, err error) {
	s.metrics.serials.WithLabelValues(serialFailed).Inc()
	s.logSerial(slog.LevelError, "a device has to ask for its serial again", r, p, err)
	w.Header().Set("Retry-After", failedRetry)
	s.fail(w, r, http.StatusServiceUnavailable, codeUnavailable, "this store can't sign serials at the moment")
}

// logSerial logs the reason of an answer. It logs no request-id and no API key.
func (s *Server) logSerial(level slog.Level, message string, r *http.Request, p *registrar.Proof, reason error) {
	s.cfg.Logger.Log(r.Context(), level, message, "reason", shortReason(reason), "brand", shortName(p.BrandID), "model", shortName(p.Model),
		"from", s.clientAddress(r))
}

// clientAddress returns the address of the client.
func (s *Server) clientAddress(r *http.Request) string {
	if s.settings.Load().TrustForwardedProto {
		return transfer.ForwardedClient(r)
	}
	if a, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		return a.Addr().Unmap().WithZone("").String()
	}
	return shortName(r.RemoteAddr)
}
