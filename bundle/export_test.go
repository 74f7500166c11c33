package bundle

import ocispec "github.com/opencontainers/image-spec/specs-go/v1"

// Payload lists the large blobs, each once, in the order in which they are written.
func (s *SignedBundle) Payload() []ocispec.Descriptor { return s.tree.payload }
