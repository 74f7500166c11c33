package store

import (
	"time"

	"github.com/opencontainers/go-digest"

	"offlinestore/snap"
)

// Import is what one verified bundle brings. Everything in it was checked before: the catalogue believes it.
type Import struct {
	// Bundle is the digest of the bundle index, Name what the operator knows the file by.
	Bundle digest.Digest
	Name   string
	Signer string
	// SignedAt decides which of two bundles knows better what a channel holds.
	SignedAt          time.Time
	Sequence          uint64
	Exporter, Program string

	Blobs      []Blob
	Assertions []Assertion
	Snaps      []ImportedSnap
	Revisions  []ImportedRevision
	// PushChannelMap updates the channel map even where a newer bundle was imported before.
	PushChannelMap bool
}

// Blob is a blob that was verified and is in the blob folder. SHA3384 is in hex; empty for an icon.
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

// ImportedRevision is one revision and its blobs; those of its components are in the order of its Resources.
type ImportedRevision struct {
	snap.Item
	Blob          digest.Digest
	ResourceBlobs []digest.Digest
}

// Report says what an import changed, or would change.
type Report struct {
	// AlreadyImported says that this very bundle is in the history; the rest is then empty unless it had to be repaired.
	AlreadyImported bool          `json:"already-imported,omitempty"`
	Revisions       []RevisionRef `json:"revisions"`
	Moves           []Move        `json:"channel-moves"`
	// Kept are the rows that a newer bundle has set, and which this one therefore leaves alone.
	Kept       []Move `json:"kept-channels,omitempty"`
	Assertions int    `json:"assertions"`
}

// RevisionRef names a revision of a snap.
type RevisionRef struct {
	Snap     string `json:"snap"`
	Revision int    `json:"revision"`
	Size     int64  `json:"size"`
}

// Move is a change of one row of a channel map. Revision 0 is a closed channel, -1 no row.
type Move struct {
	Snap         string `json:"snap"`
	Architecture string `json:"architecture"`
	Channel      string `json:"channel"`
	From         int    `json:"from"`
	To           int    `json:"to"`
}
