package channelmap

import (
	"cmp"
	"time"
)

// Origin is the bundle that made a statement. Origins are totally ordered, so that the order of imports makes no difference.
type Origin struct {
	SignedAt time.Time
	// Sequence is the exporter's count of its bundles. It orders bundles of the same second.
	Sequence int64
	// Digest is the digest of the bundle. It orders bundles with the same time and sequence.
	Digest string
}

// Compare orders origins by signed time, then by sequence, then by digest.
func (o Origin) Compare(other Origin) int {
	return cmp.Or(o.SignedAt.Compare(other.SignedAt), cmp.Compare(o.Sequence, other.Sequence), cmp.Compare(o.Digest, other.Digest))
}

// Supersedes reports whether a statement of o counts rather than one of other, no matter which was imported first.
func (o Origin) Supersedes(other Origin) bool { return o.Compare(other) > 0 }

// Is reports whether o and other are the same bundle. If the same content is signed again later, it is another bundle.
func (o Origin) Is(other Origin) bool {
	return o.Digest == other.Digest && o.SignedAt.Equal(other.SignedAt)
}
