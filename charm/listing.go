package charm

// Listing describes a charm or charm bundle by name in an export.
type Listing struct {
	ChannelMap   []Release `json:"channel-map"`
	DefaultTrack string    `json:"default-track,omitempty"`
	ID           string    `json:"id"`
	Name         string    `json:"name"`
	Result       Details   `json:"result"`
	// Type is TypeCharm or TypeBundle.
	Type string `json:"type"`
	// Unknown names the optional parts that the export did not fetch. The receiver keeps its own. Only UnknownIcon is known.
	Unknown []string `json:"unknown,omitempty"`
}

// UnknownIcon in a listing means that the export did not fetch the icon of the charm, which may have one.
const UnknownIcon = "icon"

// Release is a row of a channel map: the content of a channel for a base at the time of the export. Revision 0 means that the
// channel was closed there, so Juju is served from the next stabler risk.
type Release struct {
	// Base is concrete: never NA, and its architecture never "all". The base of a charm bundle is nil.
	Base *Base `json:"base,omitempty"`
	// Channel is track/risk, or track/risk/branch.
	Channel    string `json:"channel"`
	ReleasedAt string `json:"released-at,omitempty"`
	// Resources are the resources released with the revision, sorted by name.
	Resources []ResourceRef `json:"resources,omitempty"`
	Revision  int           `json:"revision"`
}

// Item describes one revision in an export. The URLs in it are empty, because the server of the content sets them.
type Item struct {
	ID string `json:"id"`
	// Images are the images that a charm bundle names for its applications, under the names by which clusters pull them.
	Images   []Image  `json:"images,omitempty"`
	Name     string   `json:"name"`
	Revision Revision `json:"revision"`
	// Snaps are the snaps that the charm's own files name.
	Snaps []SnapHint `json:"snaps,omitempty"`
	Type  string     `json:"type"`
}

// SnapHint is a snap that a charm installs by itself, according to its files.
type SnapHint struct {
	Name string `json:"name"`
	// Channel and Revisions are empty if the charm doesn't pin them. Revisions are by architecture, "" for any.
	Channel   string         `json:"channel,omitempty"`
	Revisions map[string]int `json:"revisions,omitempty"`
}

// ResourceItem describes one revision of a resource in an export.
type ResourceItem struct {
	Charm   string `json:"charm"`
	CharmID string `json:"charm-id"`
	// Image is nil except for a resource of type oci-image. Its Resource has neither size nor digests, because the server makes
	// the blob from Image.
	Image    *Image   `json:"image,omitempty"`
	Resource Resource `json:"resource"`
}

// Image identifies the container image of a resource, or of an application of a charm bundle.
type Image struct {
	// Digest is the digest of the image's manifest or index, "sha256:…". It is empty if only a tag is known, because the image
	// was left out of the export.
	Digest string `json:"digest,omitempty"`
	// Name is the name of the image in the registry of the air-gapped side, without the host:
	// charm/abc/postgresql-image@sha256:…, or the operator's own mapping, postgres:local-image.
	Name string `json:"name"`
	// Source is the upstream reference of the image, with the host and without credentials, for people.
	Source string `json:"source,omitempty"`
	// Tags are further tags in the repository of the image, with the digests of their manifests. Tools find signatures of an image by a tag
	// that follows from its digest: sha256-HEX.sig.
	Tags map[string]string `json:"tags,omitempty"`
}

// String returns the base in a readable form: "ubuntu@22.04 amd64".
func (b Base) String() string { return b.Name + "@" + b.Channel + " " + b.Architecture }
