package snap

import "encoding/json"

// Headers of the Snap Store's API of version 2. In version 1, their names begin with X-Ubuntu-.
const (
	HeaderSeries       = "Snap-Device-Series"
	HeaderArchitecture = "Snap-Device-Architecture"
	HeaderStore        = "Snap-Device-Store"
	HeaderCapabilities = "Snap-Device-Capabilities"
	HeaderStoreVersion = "Snap-Store-Version"
	// HeaderDeviceAuthorization has the session of a device.
	HeaderDeviceAuthorization = "Snap-Device-Authorization"
	// Series is the only existing series.
	Series = "16"
)

// AssertionMediaType is the media type of assertions, single or in a stream.
const AssertionMediaType = "application/x.ubuntu.assertion"

// Error is one entry of an error-list. The Ref fields name the assertion of a fetch-assertions error.
type Error struct {
	Code        string   `json:"code"`
	Message     string   `json:"message"`
	Type        string   `json:"type,omitempty"`
	PrimaryKey  []string `json:"primary-key,omitempty"`
	SequenceKey []string `json:"sequence-key,omitempty"`
}

// ErrorResponse is the body of a failed request of version 2.
type ErrorResponse struct {
	ErrorList []Error `json:"error-list"`
}

// The codes of errors to which snapd reacts specially.
const (
	CodeNameNotFound     = "name-not-found"
	CodeIDNotFound       = "id-not-found"
	CodeRevisionNotFound = "revision-not-found"
	CodeNotFound         = "not-found"
)

// The actions of a refresh request.
const (
	ActionInstall         = "install"
	ActionRefresh         = "refresh"
	ActionDownload        = "download"
	ActionFetchAssertions = "fetch-assertions"
)

// RefreshRequest is the body of POST /v2/snaps/refresh.
type RefreshRequest struct {
	Context             []Installed    `json:"context"`
	Actions             []Action       `json:"actions"`
	Fields              []string       `json:"fields,omitempty"`
	AssertionMaxFormats map[string]int `json:"assertion-max-formats,omitempty"`
}

// Installed is a snap on the device.
type Installed struct {
	SnapID          string `json:"snap-id"`
	InstanceKey     string `json:"instance-key"`
	Revision        int    `json:"revision"`
	TrackingChannel string `json:"tracking-channel"`
	Epoch           *Epoch `json:"epoch,omitempty"`
	CohortKey       string `json:"cohort-key,omitempty"`
	// IgnoreValidation is set if the snaps that control the refreshes of this one have no say.
	IgnoreValidation bool `json:"ignore-validation,omitempty"`
	// ValidationSets holds the primary keys of the validation sets that the device enforces for the snap.
	ValidationSets [][]string `json:"validation-sets,omitempty"`
}

// Action is one request of a device in a RefreshRequest.
type Action struct {
	Action      string `json:"action"`
	InstanceKey string `json:"instance-key,omitempty"`
	Name        string `json:"name,omitempty"`
	SnapID      string `json:"snap-id,omitempty"`
	Channel     string `json:"channel,omitempty"`
	Revision    int    `json:"revision,omitempty"`
	Epoch       *Epoch `json:"epoch,omitempty"`
	CohortKey   string `json:"cohort-key,omitempty"`
	// IgnoreValidation is as in Installed. An action overrules it.
	IgnoreValidation *bool `json:"ignore-validation,omitempty"`
	// ValidationSets holds the primary keys of the validation sets that pin the revision.
	ValidationSets [][]string `json:"validation-sets,omitempty"`
	// Key and Assertions belong to fetch-assertions.
	Key        string             `json:"key,omitempty"`
	Assertions []AssertionRequest `json:"assertions,omitempty"`
}

// AssertionRequest asks for one assertion, or a point of a sequence of them. A nil number means that none was given.
type AssertionRequest struct {
	Type                       string   `json:"type"`
	PrimaryKey                 []string `json:"primary-key,omitempty"`
	SequenceKey                []string `json:"sequence-key,omitempty"`
	IfNewerThan                *int     `json:"if-newer-than,omitempty"`
	Sequence                   *int     `json:"sequence,omitempty"`
	IfSequenceEqualOrNewerThan *int     `json:"if-sequence-equal-or-newer-than,omitempty"`
	IfSequenceNewerThan        *int     `json:"if-sequence-newer-than,omitempty"`
}

// RefreshResponse is the answer to a RefreshRequest.
type RefreshResponse struct {
	Results   []Result `json:"results"`
	ErrorList []Error  `json:"error-list"`
}

// Result answers one Action: by InstanceKey, or by Key for fetch-assertions.
type Result struct {
	Result              string       `json:"result"`
	InstanceKey         string       `json:"instance-key,omitempty"`
	SnapID              string       `json:"snap-id,omitempty"`
	Name                string       `json:"name,omitempty"`
	EffectiveChannel    string       `json:"effective-channel,omitempty"`
	RedirectChannel     string       `json:"redirect-channel,omitempty"`
	ReleasedAt          string       `json:"released-at,omitempty"`
	Snap                *Snap        `json:"snap,omitempty"`
	Error               *ResultError `json:"error,omitempty"`
	Key                 string       `json:"key,omitempty"`
	AssertionStreamURLs []string     `json:"assertion-stream-urls,omitempty"`
	ErrorList           []Error      `json:"error-list,omitempty"`
}

// ResultError is the error of an action, with the alternatives.
type ResultError struct {
	Code    string      `json:"code"`
	Message string      `json:"message"`
	Extra   *ErrorExtra `json:"extra,omitempty"`
}

// ErrorExtra lists the channels that have a release.
type ErrorExtra struct {
	Releases []AvailableRelease `json:"releases,omitempty"`
}

// AvailableRelease is a channel with a release for an architecture.
type AvailableRelease struct {
	Architecture string `json:"architecture"`
	Channel      string `json:"channel"`
}

// InfoResponse is the answer of GET /v2/snaps/info/<name>.
type InfoResponse struct {
	ChannelMap   []ChannelMapEntry `json:"channel-map"`
	DefaultTrack *string           `json:"default-track"`
	Name         string            `json:"name"`
	Snap         InfoSnap          `json:"snap"`
	SnapID       string            `json:"snap-id"`
}

// InfoSnap is Details with the name and ID that the store repeats in it.
type InfoSnap struct {
	Details
	Name   string `json:"name"`
	SnapID string `json:"snap-id"`
}

// ChannelMapEntry is a revision and the channel to which it is released.
type ChannelMapEntry struct {
	Channel ChannelMapChannel `json:"channel"`
	Revision
}

// ChannelMapChannel is a channel of an InfoResponse. Name leaves out the track "latest". Track is always explicit.
type ChannelMapChannel struct {
	Architecture string  `json:"architecture"`
	Name         string  `json:"name"`
	ReleasedAt   *string `json:"released-at"`
	Risk         string  `json:"risk"`
	Track        string  `json:"track"`
}

// FindResponse is the answer of GET /v2/snaps/find. The fields of its entries depend on the request, so they are raw here.
type FindResponse struct {
	Results []json.RawMessage `json:"results"`
}

// CategoriesResponse is the answer of GET /v2/snaps/categories.
type CategoriesResponse struct {
	Categories []CategoryName `json:"categories"`
}

// CategoryName names a category, or a section in version 1.
type CategoryName struct {
	Name string `json:"name"`
}
