package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"offlinestore/catalog"
	"offlinestore/registrar"
	"offlinestore/server/admin"
	"offlinestore/server/gateway/api"
	"offlinestore/transfer"
)

// maxBody bounds the body of a request, in bytes.
const maxBody = 1 << 20

// requestError is a fault of a request.
type requestError struct {
	status        int
	code, message string
}

// Error returns the message.
func (e *requestError) Error() string { return e.message }

func badRequest(message string) error {
	return &requestError{http.StatusBadRequest, api.CodeBadRequest, message}
}

// refuse answers with a refusal, in the gateway's form.
func (g *gateway) refuse(w http.ResponseWriter, r *http.Request, f *admin.Refusal) {
	g.Logger.Debug("refused", "method", r.Method, "path", r.URL.Path, "status", f.Status, "from", admin.Address(r), "why", f.Message)
	for name, values := range f.Header {
		w.Header()[name] = values
	}
	g.write(w, f.Status, api.ErrorBody{ErrorList: []api.Error{{Code: strings.ToLower(f.Code), Message: f.Message}}})
}

// fail answers with an error.
func (g *gateway) fail(w http.ResponseWriter, r *http.Request, err error) {
	f := refusalOf(err)
	if f == nil {
		g.Logger.Error("gateway", "err", err)
		f = &admin.Refusal{Status: http.StatusInternalServerError, Code: api.CodeInternal, Message: "the store could not do it; its log says why"}
	}
	g.refuse(w, r, f)
}

// refusals lists the answers to the errors that need no more words.
func refusals() []struct {
	err    error
	status int
	code   string
} {
	return []struct {
		err    error
		status int
		code   string
	}{
		{catalog.ErrNoModel, http.StatusNotFound, api.CodeNotFound},
		{catalog.ErrNoSigningKey, http.StatusNotFound, api.CodeNotFound},
		{catalog.ErrNoPolicy, http.StatusNotFound, api.CodeNotFound},
		{catalog.ErrNoRemodel, http.StatusNotFound, api.CodeNotFound},
		{registrar.ErrNoKey, http.StatusNotFound, api.CodeNotFound},
		{catalog.ErrModelExists, http.StatusConflict, api.CodeExists},
		{catalog.ErrSigningKeyExists, http.StatusConflict, api.CodeExists},
		{catalog.ErrKeyLeaving, http.StatusConflict, api.CodeBusy},
		{catalog.ErrRemodelExists, http.StatusConflict, api.CodeExists},
		{catalog.ErrTooMany, http.StatusConflict, api.CodeLimit},
		{registrar.ErrKeyName, http.StatusBadRequest, api.CodeBadRequest},
		// The reason of ErrNoToken is for administrators.
		{registrar.ErrNoToken, http.StatusServiceUnavailable, api.CodeNoToken},
	}
}

func refusalOf(err error) *admin.Refusal {
	var fault *requestError
	var inUse *catalog.KeyInUseError
	switch {
	case errors.As(err, &fault):
		return &admin.Refusal{Status: fault.status, Code: fault.code, Message: fault.message}
	case errors.As(err, &inUse):
		return &admin.Refusal{Status: http.StatusConflict, Code: api.CodeInUse, Message: inUse.Error()}
	case errors.Is(err, catalog.ErrUnavailable):
		return &admin.Refusal{Status: http.StatusServiceUnavailable, Code: api.CodeUnavailable, Message: "the database is not available"}
	case errors.Is(err, registrar.ErrBusy), errors.Is(err, context.DeadlineExceeded):
		return &admin.Refusal{Status: http.StatusServiceUnavailable, Code: api.CodeBusy, Message: registrar.ErrBusy.Error() + ": ask again later"}
	case errors.Is(err, context.Canceled):
		return &admin.Refusal{Status: http.StatusServiceUnavailable, Code: api.CodeUnavailable, Message: "the request was given up"}
	}
	for _, known := range refusals() {
		if errors.Is(err, known.err) {
			return &admin.Refusal{Status: known.status, Code: known.code, Message: err.Error()}
		}
	}
	return nil
}

// answer writes the result of a handler.
func (g *gateway) answer(w http.ResponseWriter, v any) {
	switch v := v.(type) {
	case nil:
		w.WriteHeader(http.StatusNoContent)
	case created:
		g.write(w, http.StatusCreated, v.any)
	case document:
		transfer.WriteText(w, http.StatusOK, v.mediaType, v.text)
	default:
		g.write(w, http.StatusOK, v)
	}
}

func (g *gateway) write(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		g.Logger.Error("encode answer", "err", err)
		status, b = http.StatusInternalServerError, []byte(`{"error-list":[]}`)
	}
	transfer.WriteText(w, status, "application/json", b)
}

// read reads the body of a request.
func (r *request) read(v any) error { return readJSON(r.w, r.Request, v) }

func readJSON(w http.ResponseWriter, r *http.Request, v any) error {
	if f := admin.ReadJSON(w, r, maxBody, v); f != nil {
		return &requestError{f.Status, f.Code, f.Message}
	}
	return nil
}

// person describes an administrator, or a user of this host.
func person(name string) api.Account {
	a := api.Account{DisplayName: name, ID: name, Username: name, Validation: "unproven"}
	if strings.Contains(name, "@") {
		a.Email = name
	}
	return a
}

// modification returns the last change of something, or nothing if there was none.
func modification(s catalog.Stamp) (at *time.Time, by *api.Account) {
	if !s.Modified() {
		return nil, nil
	}
	t, p := s.ModifiedAt.UTC(), person(s.ModifiedBy)
	return &t, &p
}

// optional returns nil for an empty text.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
