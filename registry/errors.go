package registry

import (
	"encoding/json"
	"net/http"

	"offlinestore/transfer"
)

// The codes of errors that clients know.
const (
	codeBlobUnknown     = "BLOB_UNKNOWN"
	codeDigestInvalid   = "DIGEST_INVALID"
	codeManifestUnknown = "MANIFEST_UNKNOWN"
	codeNameInvalid     = "NAME_INVALID"
	codeNameUnknown     = "NAME_UNKNOWN"
	codeNotFound        = "NOT_FOUND"
	codePagination      = "PAGINATION_NUMBER_INVALID"
	codeUnauthorized    = "UNAUTHORIZED"
	codeUnavailable     = "UNAVAILABLE"
	codeUnknown         = "UNKNOWN"
	codeUnsupported     = "UNSUPPORTED"
)

func fail(w http.ResponseWriter, req *http.Request, status int, code, message string) {
	type diagnostic struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	writeJSON(w, req, status, map[string][]diagnostic{"errors": {{code, message}}})
}

func writeJSON(w http.ResponseWriter, req *http.Request, status int, v any) {
	writeAs(w, req, status, "application/json", v)
}

func writeAs(w http.ResponseWriter, req *http.Request, status int, mediaType string, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		status, text = http.StatusInternalServerError, nil // none of our values leads here
	}
	if req.Method == http.MethodHead {
		transfer.WriteHead(w, status, mediaType, len(text))
		return
	}
	if transfer.Hold(req, 2*int64(len(text))) != nil {
		w.Header().Set("Connection", "close")
		w.Header().Set("Retry-After", "5")
		transfer.WriteHead(w, http.StatusServiceUnavailable, "text/plain", 0)
		return
	}
	transfer.WriteText(w, status, mediaType, text)
}
