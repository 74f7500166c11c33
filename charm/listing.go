package charm

// Listing is what an export says of a charm or charm bundle by name.
type Listing struct {
	ChannelMap   []Release `json:"channel-map"`
	DefaultTrack string    `json:"default-track,omitempty"`
	ID           string    `json:"id"`
	Name         string    `json:"name"`
	Result       Details   `json:"result"`
	// Type is TypeCharm or TypeBundle.
	Type string `json:"type"`
}

// Release is a row of a channel map: what a channel held for a base when it was asked. Revision 0 says that the channel was
// closed there, so Juju is served from the next stabler risk.
type Release struct {
	// Base is concrete: never NA, and its architecture never "all". A bundle's is nil.
	Base *Base `json:"base,omitempty"`
	// Channel is track/risk, or track/risk/branch.
	Channel    string `json:"channel"`
	ReleasedAt string `json:"released-at,omitempty"`
	// Resources are those that are released with the revision, by name.
	Resources []ResourceRef `json:"resources,omitempty"`
	Revision  int           `json:"revision"`
}

// Item is what an export says of one revision. The URLs in it are empty: they belong to whoever serves it.
type Item struct {
	ID       string   `json:"id"`
	Name     string   `json:"name"`
	Revision Revision `json:"revision"`
	// Snaps are those that the charm's own files name.
	Snaps []SnapHint `json:"snaps,omitempty"`
	Type  string     `json:"type"`
}

// SnapHint is a snap that a charm installs by itself, as far as its files say.
type SnapHint struct {
	Name string `json:"name"`
	// Channel and Revisions are empty where the charm doesn't pin them. Revisions are by architecture, "" for any.
	Channel   string         `json:"channel,omitempty"`
	Revisions map[string]int `json:"revisions,omitempty"`
}

// ResourceItem is what an export says of one revision of a resource.
type ResourceItem struct {
	Charm   string `json:"charm"`
	CharmID string `json:"charm-id"`
	// Image is nil but for a resource of type oci-image, whose Resource has neither size nor digests: they are those of the blob that
	// the server makes of Image.
	Image    *Image   `json:"image,omitempty"`
	Resource Resource `json:"resource"`
}

// Image says which container image a resource stands for.
type Image struct {
	// Digest is that of the image's manifest or index, "sha256:…". It is empty where only a tag is known, because the image was left out of
	// the export.
	Digest string `json:"digest,omitempty"`
	// Name is the image inside the registry of the air-gapped side, without its host: charm/abc/postgresql-image@sha256:…, or as the operator
	// mapped it, postgres:local-image.
	Name string `json:"name"`
	// Source is where the image was upstream, host included and without credentials, for people.
	Source string `json:"source,omitempty"`
}

// String is the base as people write it: "ubuntu@22.04 amd64".
func (b Base) String() string { return b.Name + "@" + b.Channel + " " + b.Architecture }
