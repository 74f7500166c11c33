// Package api has the messages of the API by which a store is administered from elsewhere: that of the original's overrides, with
// the logins of Ubuntu SSO.
package api

import (
	"encoding/json"
	"fmt"
)

// Series is the only one that there has ever been of snaps. HeaderSeries says it in requests.
const (
	Series       = "16"
	HeaderSeries = "X-Ubuntu-Series"
)

// Error is one thing that is wrong with a request.
type Error struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// ErrorBody is what a refused request is answered with: ErrorList for clients of the store's API, the rest for those of the login.
type ErrorBody struct {
	Error
	ErrorList []Error  `json:"error_list"`
	Extra     struct{} `json:"extra"`
}

// IssueAnswer has a root macaroon, whose third-party caveat is to be discharged.
type IssueAnswer struct {
	Macaroon string `json:"macaroon"`
}

// DischargeRequest asks for a discharge of the root's third-party caveat. There are no second factors here.
type DischargeRequest struct {
	Email    string `json:"email"`
	Password string `json:"password"`
	OTP      string `json:"otp,omitempty"`
	CaveatID string `json:"caveat_id"`
}

// DischargeAnswer has a discharge, which is to be bound to the root before it is shown.
type DischargeAnswer struct {
	DischargeMacaroon string `json:"discharge_macaroon"`
}

// RefreshRequest asks for a newer discharge. It has the one before as it was given, not bound to a root.
type RefreshRequest struct {
	DischargeMacaroon string `json:"discharge_macaroon"`
}

// OverrideRequest is one of the list that is posted. A null Revision deletes the override; there must be one or the other.
type OverrideRequest struct {
	SnapName string          `json:"snap_name"`
	Revision json.RawMessage `json:"revision"`
	Channel  string          `json:"channel"`
	Series   string          `json:"series"`
}

// Override is one of the list in an answer. Revision is null where what is upstream is served again, UpstreamRevision where nothing
// was imported for the channel.
type Override struct {
	SnapID           string `json:"snap_id"`
	SnapName         string `json:"snap_name"`
	Revision         *int   `json:"revision"`
	UpstreamRevision *int   `json:"upstream_revision"`
	Channel          string `json:"channel"`
	Architecture     string `json:"architecture"`
	Series           string `json:"series"`
}

// String is the line that commands print: "core18 stable amd64 1722 (upstream 1705)".
func (o Override) String() string {
	line := fmt.Sprintf("%s %s %s", o.SnapName, o.Channel, o.Architecture)
	switch {
	case o.Revision == nil && o.UpstreamRevision == nil:
		return line + " is tracking upstream"
	case o.Revision == nil:
		return fmt.Sprintf("%s is tracking upstream (revision %d)", line, *o.UpstreamRevision)
	case o.UpstreamRevision == nil:
		return fmt.Sprintf("%s %d", line, *o.Revision)
	}
	return fmt.Sprintf("%s %d (upstream %d)", line, *o.Revision, *o.UpstreamRevision)
}

// OverridesAnswer is the answer to either request about overrides.
type OverridesAnswer struct {
	Overrides []Override `json:"overrides"`
}
