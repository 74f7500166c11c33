package catalog

import (
	"time"

	"github.com/opencontainers/go-digest"

	"offlinestore/assertion"
	"offlinestore/charm"
	"offlinestore/difference"
	"offlinestore/image"
	"offlinestore/snap"
)

// Unsigned is the Signer of an unsigned Import: a file of the original store-admin.
const Unsigned = "unsigned"

// OwnSignatures is the Signer of an Import of assertions alone. Each of them is signed, so nobody else has to vouch for their file.
const OwnSignatures = "own signatures"

// StoreSignatures is the Signer of an Import of snaps with the store's assertions about them, as "snap download" writes them. The store
// alone vouches for them: no exporter has signed which of them belong together, or into which channels.
const StoreSignatures = "store signatures"

// Import is the content of one verified bundle. The caller has validated and verified everything in it. The catalogue trusts it.
type Import struct {
	// Bundle is the digest of the bundle index. Name is the operator's name of the file.
	Bundle digest.Digest
	Name   string
	Signer string
	// SignedAt decides which of two bundles determines a channel.
	SignedAt          time.Time
	Sequence          uint64
	Exporter, Program string
	// PartSet is the set of parts that the bundle arrived in, or empty. The import forgets the set.
	PartSet digest.Digest

	Blobs      []Blob
	Assertions []Assertion
	// AssertionItems are the Assertions that no snap or charm leads to. The report names them.
	AssertionItems []assertion.Ref
	Snaps          []ImportedSnap
	SnapRevisions  []ImportedSnapRevision

	Charms         []ImportedCharm
	CharmRevisions []ImportedCharmRevision
	CharmResources []ImportedCharmResource
	Images         []Image
	Withdrawals    []Withdrawal
	ImageTags      []ImageTag
	// Stores are the stores of brands. Only a signed import has some.
	Stores []snap.Store
	// Repositories have the images that belong to no charm. Only a signed import has some. Their further tags are in ImageTags.
	Repositories []image.Repository
	// TakeOver lists names that the operator gives to other snaps and charms than before. By names the operator.
	TakeOver []string
	By       string
	// PushChannelMap updates the channel map even where a newer bundle was imported before. It does so for everything else that
	// the newest bundle decides: components, the names of images, and the descriptions of snaps and charms.
	PushChannelMap bool
	// Generation is the one of the catalogue that was planned with, or 0. If the first of several imports finds another one, none is applied.
	Generation int64
}

// Blob is a verified blob in the blob folder. SHA3384 is in hex. It is empty for blobs that no assertion names: icons, and all
// blobs of charms.
type Blob struct {
	Digest  digest.Digest
	Size    int64
	SHA3384 string
}

// ImportedSnap is a snap by name.
type ImportedSnap struct {
	snap.Listing
	Icon *Icon
}

// ImportedSnapRevision is one revision of a snap and its blobs. The blobs of its components are in the order of its Resources and of
// its Further, and the blobs of its integrity data in the order of its Integrity.
type ImportedSnapRevision struct {
	snap.Item
	Blob           digest.Digest
	ResourceBlobs  []digest.Digest
	FurtherBlobs   []digest.Digest
	IntegrityBlobs []digest.Digest
}

// ImportedCharm is a charm or charm bundle by name.
type ImportedCharm struct {
	charm.Listing
	Icon *Icon
}

// ImportedCharmRevision is one revision of a charm or charm bundle, and its archive.
type ImportedCharmRevision struct {
	charm.Item
	Blob digest.Digest
}

// ImportedCharmResource is one revision of a resource. Blob is empty for an image, and for a file that was never uploaded.
type ImportedCharmResource struct {
	charm.ResourceItem
	Blob digest.Digest
}

// Report lists the changes that an import made, or would make.
type Report struct {
	// AlreadyImported means that this bundle is in the history. The rest is then empty, unless something had to be repaired.
	AlreadyImported bool              `json:"already-imported,omitempty"`
	SnapRevisions   []SnapRevisionRef `json:"revisions"`
	SnapMoves       []SnapMove        `json:"channel-moves"`
	// Kept are the rows that a newer bundle has set and that this one therefore does not change.
	Kept       []SnapMove `json:"kept-channels,omitempty"`
	Assertions int        `json:"assertions"`
	// AssertionItems are new assertions, or new revisions, that no snap or charm leads to.
	AssertionItems []AssertionItem `json:"assertion-items,omitempty"`

	CharmRevisions []CharmRevisionRef `json:"charm-revisions,omitempty"`
	CharmResources []ResourceRef      `json:"charm-resources,omitempty"`
	CharmMoves     []CharmMove        `json:"charm-channel-moves,omitempty"`
	KeptCharms     []CharmMove        `json:"kept-charm-channels,omitempty"`
	// ImageMoves are the resources whose image has another name than before. Workloads can't pull the image under its old name
	// any more.
	ImageMoves []ImageMove `json:"image-moves,omitempty"`
	// TakeOvers are the names that were given to other snaps and charms.
	TakeOvers []TakeOver `json:"take-overs,omitempty"`
	// Withdrawals are the snaps and charms that the store upstream does not offer any more, as far as that is new.
	Withdrawals []Withdrawal `json:"withdrawals,omitempty"`
	// Images counts the new manifests of images.
	Images int `json:"images,omitempty"`
	// Updates are the changes of things that were there before. They include the changed assertions, which Assertions counts, too.
	Updates []difference.Change `json:"updates,omitempty"`
	// TakenBack is the number of the rollback that took this bundle back, or 0. Its channels then stay as they are.
	TakenBack int64 `json:"taken-back,omitempty"`
	// Held and HeldCharms are the rows that the import would have moved, and that move when the snap or charm is released.
	Held       []SnapMove  `json:"held-channels,omitempty"`
	HeldCharms []CharmMove `json:"held-charm-channels,omitempty"`
	// RepositoryImages are the new images that belong to no charm. TagMoves are the tags that name another image than before, and KeptTags the
	// tags that a newer bundle has set.
	RepositoryImages []RepositoryImageRef `json:"repository-images,omitempty"`
	TagMoves         []TagMove            `json:"tag-moves,omitempty"`
	KeptTags         []TagMove            `json:"kept-tags,omitempty"`
	// UpToDate means that this bundle is in the history, and that nothing had to be changed. The history has no line for such an import.
	UpToDate bool `json:"up-to-date,omitempty"`
}

// Changes counts the revisions and images that a report adds, and the rows of channel maps and the tags that it moves.
func (r *Report) Changes() (revisions, moves int) {
	return len(r.SnapRevisions) + len(r.CharmRevisions) + len(r.CharmResources) + len(r.RepositoryImages), len(r.SnapMoves) + len(r.CharmMoves) + len(r.TagMoves)
}

// IsEmpty reports whether a report has nothing to tell.
func (r *Report) IsEmpty() bool {
	revisions, moves := r.Changes()
	return revisions+moves+r.Images+r.Assertions+len(r.ImageMoves)+len(r.Withdrawals)+len(r.TakeOvers)+len(r.Updates)+len(r.AssertionItems)+len(r.Kept)+len(r.KeptCharms)+len(r.Held)+len(r.HeldCharms)+len(r.KeptTags) == 0
}

// AssertionItem names an assertion.
type AssertionItem struct {
	Type       string   `json:"type"`
	PrimaryKey []string `json:"primary-key"`
}

// String returns the name of the assertion for people.
func (a AssertionItem) String() string { return assertion.Ref(a).Name() }

// SnapRevisionRef names a revision of a snap.
type SnapRevisionRef struct {
	Snap     string `json:"snap"`
	Revision int    `json:"revision"`
	Size     int64  `json:"size"`
}

// SnapMove is a change of one row of a snap's channel map. Revision 0 means a closed channel, -1 no row. With an Epoch, the move is
// about the release for devices with data of an older epoch; the Epoch is the lowest one that the release reads.
type SnapMove struct {
	Snap         string `json:"snap"`
	Architecture string `json:"architecture"`
	Channel      string `json:"channel"`
	From         int    `json:"from"`
	To           int    `json:"to"`
	Epoch        string `json:"epoch,omitempty"`
}

// CharmRevisionRef names a revision of a charm or charm bundle.
type CharmRevisionRef struct {
	Charm    string `json:"charm"`
	Revision int    `json:"revision"`
	Size     int64  `json:"size"`
}

// ResourceRef names a revision of a charm's resource. The size of an image is 0.
type ResourceRef struct {
	Charm    string `json:"charm"`
	Resource string `json:"resource"`
	Revision int    `json:"revision"`
	Size     int64  `json:"size"`
}

// ImageMove is a change of the name of the image of one revision of a charm's resource.
type ImageMove struct {
	Charm    string `json:"charm"`
	Resource string `json:"resource"`
	Revision int    `json:"revision"`
	From     string `json:"from"`
	To       string `json:"to"`
}

// CharmMove is a change of one row of a charm's channel map. Base is in the form of charm.Base: "ubuntu@22.04 amd64", empty for a
// charm bundle. Revision 0 means a closed channel, -1 no row.
type CharmMove struct {
	Charm   string `json:"charm"`
	Base    string `json:"base"`
	Channel string `json:"channel"`
	From    int    `json:"from"`
	To      int    `json:"to"`
}
