package server

import (
	"net/http"

	"offlinestore/snap"
	"offlinestore/transfer"
)

// The codes of errors that only this server sends.
const (
	codeBadRequest  = "api-error"
	codeNotAllowed  = "method-not-allowed"
	codeForbidden   = "forbidden"
	codeUnsupported = "not-supported"
	codeUnavailable = "unavailable"
	codeTooLarge    = "request-too-large"
	codeInternal    = "internal-error"
	codeToken       = "token-expired"
	// codeDeviceSession makes snapd get another session.
	codeDeviceSession = "device-authorization-needs-refresh"
)

// errorBody is the body of every failed request. Version 2 of the API reads ErrorList; version 1 reads the status, title, detail
// and type; device registration reads the message.
type errorBody struct {
	Detail    string       `json:"detail"`
	ErrorList []snap.Error `json:"error-list"`
	Message   string       `json:"message"`
	Status    int          `json:"status"`
	Title     string       `json:"title"`
	Type      string       `json:"type"`
}

// fail answers with an error. snapd reads the body only with exactly this Content-Type.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, status int, code, message string) {
	title := http.StatusText(status)
	if status == http.StatusNotFound {
		title = "not found"
	}
	s.writeJSON(w, r, status, "application/json", errorBody{
		Detail: message, ErrorList: []snap.Error{{Code: code, Message: message}}, Message: message,
		Status: status, Title: title, Type: "about:blank",
	})
}

const (
	typeJSON = "application/json"
	typeHAL  = "application/hal+json"
)

func (s *Server) writeJSON(w http.ResponseWriter, r *http.Request, status int, mediaType string, v any) {
	text, err := marshal(v)
	if err != nil {
		s.cfg.Logger.Error("encode answer", "path", r.URL.Path, "err", err)
		http.Error(w, "", http.StatusInternalServerError)
		return
	}
	s.writeText(w, r, status, mediaType, text)
}

// writeText writes a complete answer. A large one counts until the client has read it.
func (s *Server) writeText(w http.ResponseWriter, r *http.Request, status int, mediaType string, text []byte) {
	if err := transfer.Hold(r, int64(len(text))); err != nil {
		s.failBusy(w, r)
		return
	}
	transfer.WriteText(w, status, mediaType, text)
}
