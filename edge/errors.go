package edge

import (
	"encoding/json"
	"net/http"

	"offlinestore/snap"
	"offlinestore/transfer"
)

// The codes of errors that the edge itself sends.
const (
	codeForbidden   = "forbidden"
	codeUnavailable = "unavailable"
	codeTooLarge    = "request-too-large"
	codeBadRequest  = "api-error"
)

// failure is the body of an error, in the forms that each version of the API and device registration read.
type failure struct {
	Detail    string       `json:"detail"`
	ErrorList []snap.Error `json:"error-list"`
	Message   string       `json:"message"`
	Status    int          `json:"status"`
	Title     string       `json:"title"`
	Type      string       `json:"type"`
}

// fail answers with an error. snapd reads the body only with exactly this Content-Type.
func fail(w http.ResponseWriter, status int, code, message string) {
	title := http.StatusText(status)
	if status == http.StatusNotFound {
		title = "not found"
	}
	text, err := json.Marshal(failure{Detail: message, ErrorList: []snap.Error{{Code: code, Message: message}}, Message: message, Status: status,
		Title: title, Type: "about:blank"})
	if err != nil {
		text = nil // texts of ours have a JSON
	}
	transfer.WriteText(w, status, "application/json", text)
}
