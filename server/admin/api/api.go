// Package api holds the messages of a store's remote administration, and their client. The original product has the same messages: its
// overrides, and the logins of Ubuntu SSO.
//
// The client serves both programs: LogIn saves a login in the user's files, and Open finds it there. The package imports no database,
// because store-admin runs on laptops.
package api

import (
	"encoding/json"
	"fmt"
)

// Series is the only series that snaps ever had. Requests name it in the header HeaderSeries.
const (
	Series       = "16"
	HeaderSeries = "X-Ubuntu-Series"
)

// Error describes one fault of a request.
type Error struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// ErrorBody answers a request that was refused. Clients of the store's API read ErrorList, clients of the login the rest.
type ErrorBody struct {
	Error
	ErrorList []Error  `json:"error_list"`
	Extra     struct{} `json:"extra"`
}

// IssueAnswer holds a root macaroon, whose third-party caveat is to be discharged.
type IssueAnswer struct {
	Macaroon string `json:"macaroon"`
}

// DischargeRequest asks for a discharge of the root's third-party caveat. This store has no second factors.
type DischargeRequest struct {
	Email    string `json:"email"`
	Password string `json:"password"`
	OTP      string `json:"otp,omitempty"`
	CaveatID string `json:"caveat_id"`
}

// DischargeAnswer holds a discharge. The client binds it to the root before it shows it to the store.
type DischargeAnswer struct {
	DischargeMacaroon string `json:"discharge_macaroon"`
}

// RefreshRequest asks for a newer discharge. It holds the previous one as the store issued it, not bound to a root.
type RefreshRequest struct {
	DischargeMacaroon string `json:"discharge_macaroon"`
}

// OverrideRequest is one entry of the list that is posted. A null Revision deletes the override; a missing one is an error.
type OverrideRequest struct {
	SnapName string          `json:"snap_name"`
	Revision json.RawMessage `json:"revision"`
	Channel  string          `json:"channel"`
	Series   string          `json:"series"`
}

// Override is one entry of the list in an answer. Revision is null if the channel follows upstream again. UpstreamRevision is null if
// nothing was imported for the channel.
type Override struct {
	SnapID           string `json:"snap_id"`
	SnapName         string `json:"snap_name"`
	Revision         *int   `json:"revision"`
	UpstreamRevision *int   `json:"upstream_revision"`
	Channel          string `json:"channel"`
	Architecture     string `json:"architecture"`
	Series           string `json:"series"`
}

// Setting returns the line of a change: "core18 stable amd64 1722", or the line of String after a deletion.
func (o Override) Setting() string {
	if o.Revision != nil {
		o.UpstreamRevision = nil
	}
	return o.String()
}

// String returns the line of a list: "core18 stable amd64 1722 (upstream 1705)".
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

// OverridesAnswer answers both requests about overrides.
type OverridesAnswer struct {
	Overrides []Override `json:"overrides"`
}
