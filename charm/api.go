package charm

import "encoding/json"

// The types of charms and charm bundles on Charmhub.
const (
	TypeCharm  = "charm"
	TypeBundle = "bundle"
)

// The types of resources.
const (
	ResourceFile  = "file"
	ResourceImage = "oci-image"
)

// The codes of errors to which Juju reacts specially.
const (
	CodeNameNotFound     = "name-not-found"
	CodeIDNotFound       = "id-not-found"
	CodeResourceNotFound = "resource-not-found"
	CodeCharmResource    = "charm-resource-not-found"
	CodeRevisionNotFound = "revision-not-found"
	CodeInvalidBase      = "invalid-charm-base"
	// CodeInvalidPlatform is the code that older stores use for CodeInvalidBase.
	CodeInvalidPlatform = "invalid-charm-platform"
	CodeMissingBase     = "missing-charm-base"
	CodeInvalidChannel  = "invalid-channel"
	CodeBadArgument     = "bad-argument"
	CodeInstanceKey     = "instance-key-not-unique"
)

// The actions of a refresh request.
const (
	ActionInstall  = "install"
	ActionDownload = "download"
	ActionRefresh  = "refresh"
)

// NotApplicable in the name and channel of a Base means any base.
const NotApplicable = "NA"

// Base is an operating system on which a charm runs: ubuntu, 22.04, amd64. A charm bundle has none.
type Base struct {
	Architecture string `json:"architecture"`
	Channel      string `json:"channel"`
	Name         string `json:"name"`
}

// Publisher is the account that publishes a charm. Juju requires that all fields are strings.
type Publisher struct {
	DisplayName string `json:"display-name"`
	ID          string `json:"id"`
	Username    string `json:"username"`
	Validation  string `json:"validation"`
}

// Download holds the URL of a blob, its size in bytes, and its digests in hex. Digests that the store does not know are empty.
type Download struct {
	SHA256  string `json:"hash-sha-256,omitempty"`
	SHA384  string `json:"hash-sha-384,omitempty"`
	SHA512  string `json:"hash-sha-512,omitempty"`
	SHA3384 string `json:"hash-sha3-384,omitempty"`
	Size    int64  `json:"size"`
	URL     string `json:"url"`
}

// Resource is one revision of a charm's resource. Revision 0 without bytes means that nothing was ever uploaded.
type Resource struct {
	CreatedAt   string   `json:"created-at,omitempty"`
	Description string   `json:"description"`
	Download    Download `json:"download"`
	Filename    string   `json:"filename"`
	Name        string   `json:"name"`
	Revision    int      `json:"revision"`
	Type        string   `json:"type"`
}

// Media is a picture of a charm. Sizes are in pixels, nil if the store doesn't know them.
type Media struct {
	Height *int   `json:"height"`
	Type   string `json:"type"`
	URL    string `json:"url"`
	Width  *int   `json:"width"`
}

// Category is a category of Charmhub that a charm belongs to.
type Category struct {
	Featured bool   `json:"featured"`
	Name     string `json:"name"`
}

// ContainedCharm is a charm of a charm bundle.
type ContainedCharm struct {
	Name      string `json:"name"`
	PackageID string `json:"package-id"`
	StoreURL  string `json:"store-url"`
}

// Details holds Charmhub's metadata of a charm or charm bundle by name, independent of the revision. Nil pointers are null in the
// JSON.
type Details struct {
	BugsURL        *string             `json:"bugs-url"`
	Categories     []Category          `json:"categories"`
	ContainsCharms []ContainedCharm    `json:"contains-charms,omitempty"`
	DeployableOn   []string            `json:"deployable-on"`
	Description    string              `json:"description"`
	License        string              `json:"license"`
	Links          map[string][]string `json:"links"`
	Media          []Media             `json:"media"`
	Publisher      Publisher           `json:"publisher"`
	StoreURL       string              `json:"store-url"`
	Summary        string              `json:"summary"`
	Title          string              `json:"title"`
	Unlisted       bool                `json:"unlisted"`
	Website        *string             `json:"website"`
}

// Revision holds Charmhub's metadata of one revision of a charm or charm bundle. The YAML texts are files of its archive. "{}\n"
// stands for a missing file.
type Revision struct {
	ActionsYAML  string    `json:"actions-yaml,omitempty"`
	Bases        []*Base   `json:"bases"` // [null] or empty for a charm bundle
	BundleYAML   string    `json:"bundle-yaml,omitempty"`
	ConfigYAML   string    `json:"config-yaml,omitempty"`
	CreatedAt    string    `json:"created-at,omitempty"`
	Download     Download  `json:"download"`
	MetadataYAML string    `json:"metadata-yaml,omitempty"`
	ReadmeMD     string    `json:"readme-md,omitempty"`
	Relations    Relations `json:"relations,omitzero"`
	Number       int       `json:"revision"`
	Subordinate  bool      `json:"subordinate"`
	Version      string    `json:"version"`
}

// Relations are the endpoints of a charm, as the store extracts them from its metadata: by name, with their interface.
type Relations struct {
	Peers    map[string]json.RawMessage `json:"peers,omitempty"`
	Provides map[string]json.RawMessage `json:"provides,omitempty"`
	Requires map[string]json.RawMessage `json:"requires,omitempty"`
}

// IsZero reports whether there are no endpoints at all.
func (r Relations) IsZero() bool { return len(r.Peers)+len(r.Provides)+len(r.Requires) == 0 }

// Channel is a channel of an InfoResponse, for one base. Name is in the store's form: "stable" or "14/stable". Track and Risk are
// explicit, except that an empty Track means latest.
type Channel struct {
	Base       *Base  `json:"base"`
	Name       string `json:"name"`
	ReleasedAt string `json:"released-at"`
	Risk       string `json:"risk"`
	Track      string `json:"track"`
}

// ChannelMapEntry is a channel and the revision released to it.
type ChannelMapEntry struct {
	Channel  Channel  `json:"channel"`
	Revision Revision `json:"revision"`
}

// DefaultRelease is the newest release on the most stable risk of the requested channel, or of the default track.
type DefaultRelease struct {
	Channel   Channel    `json:"channel"`
	Resources []Resource `json:"resources"`
	Revision  Revision   `json:"revision"`
}

// InfoResponse is the answer of GET /v2/charms/info/<name>.
type InfoResponse struct {
	ChannelMap     []ChannelMapEntry `json:"channel-map"`
	DefaultRelease *DefaultRelease   `json:"default-release"`
	ID             string            `json:"id"`
	Name           string            `json:"name"`
	Result         Details           `json:"result"`
	Type           string            `json:"type"`
}

// RefreshRequest is the body of POST /v2/charms/refresh.
type RefreshRequest struct {
	Context []Context       `json:"context"`
	Actions []Action        `json:"actions"`
	Fields  []string        `json:"fields,omitempty"`
	Metrics json.RawMessage `json:"metrics,omitempty"`
}

// Context is a charm of a model. Revision is -1 if Juju doesn't know it.
type Context struct {
	InstanceKey     string          `json:"instance-key"`
	ID              string          `json:"id"`
	Revision        int             `json:"revision"`
	Base            Base            `json:"base"`
	TrackingChannel string          `json:"tracking-channel,omitempty"`
	RefreshDate     json.RawMessage `json:"refresh-date,omitempty"`
	Metrics         json.RawMessage `json:"metrics,omitempty"`
}

// Action is one request of Juju in a RefreshRequest. Base is null if the request names a revision, or in a refresh action.
type Action struct {
	Action            string        `json:"action"`
	InstanceKey       string        `json:"instance-key"`
	ID                *string       `json:"id,omitempty"`
	Name              *string       `json:"name,omitempty"`
	Channel           *string       `json:"channel,omitempty"`
	Revision          *int          `json:"revision,omitempty"`
	Base              *Base         `json:"base"`
	ResourceRevisions []ResourceRef `json:"resource-revisions,omitempty"`
}

// ResourceRef names a revision of a resource.
type ResourceRef struct {
	Name     string `json:"name"`
	Revision int    `json:"revision"`
}

// RefreshResponse is the answer to a RefreshRequest: one result for each action.
type RefreshResponse struct {
	ErrorList []Error  `json:"error-list,omitempty"`
	Results   []Result `json:"results"`
}

// Result answers the Action with the same InstanceKey.
type Result struct {
	Charm            *Entity `json:"charm"`
	EffectiveChannel string  `json:"effective-channel,omitempty"`
	Error            *Error  `json:"error,omitempty"`
	ID               string  `json:"id"`
	InstanceKey      string  `json:"instance-key"`
	Name             string  `json:"name"`
	RedirectChannel  string  `json:"redirect-channel,omitempty"`
	ReleasedAt       *string `json:"released-at"`
	Result           string  `json:"result"`
}

// Entity is the charm of a Result. MetadataYAML must not be empty for a charm.
type Entity struct {
	ActionsYAML  string     `json:"actions-yaml,omitempty"`
	Bases        []*Base    `json:"bases"`
	BundleYAML   string     `json:"bundle-yaml,omitempty"`
	ConfigYAML   string     `json:"config-yaml"`
	CreatedAt    string     `json:"created-at,omitempty"`
	Download     Download   `json:"download"`
	ID           string     `json:"id"`
	License      string     `json:"license"`
	MetadataYAML string     `json:"metadata-yaml"`
	Name         string     `json:"name"`
	Publisher    Publisher  `json:"publisher"`
	Resources    []Resource `json:"resources"`
	Revision     int        `json:"revision"`
	Summary      string     `json:"summary"`
	Type         string     `json:"type"`
	Version      string     `json:"version"`
}

// Error is one entry of an error-list, or the error of an action.
type Error struct {
	Code    string      `json:"code"`
	Message string      `json:"message"`
	Extra   *ErrorExtra `json:"extra,omitempty"`
}

// ErrorExtra holds the alternatives to the request: with CodeInvalidBase the bases of the channel, with CodeRevisionNotFound the
// releases.
type ErrorExtra struct {
	DefaultBases []Base             `json:"default-bases,omitempty"`
	Releases     []AvailableRelease `json:"releases,omitempty"`
}

// AvailableRelease is a channel that has a release for a base.
type AvailableRelease struct {
	Base    Base   `json:"base"`
	Channel string `json:"channel"`
}

// ErrorResponse is the answer to a request that failed as a whole.
type ErrorResponse struct {
	ErrorList []Error `json:"error-list"`
}

// ResourceRevisionsResponse is the answer of GET /v2/charms/resources/<charm>/<resource>/revisions, newest first.
type ResourceRevisionsResponse struct {
	Revisions []Resource `json:"revisions"`
}
