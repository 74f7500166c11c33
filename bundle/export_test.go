package bundle

import ocispec "github.com/opencontainers/image-spec/specs-go/v1"

// Payload lists the large blobs, each once, in the order in which they are written.
func (s *SignedBundle) Payload() []ocispec.Descriptor { return s.tree.payload }

// ConfigFields are the required fields of the configs.
var ConfigFields = configFields

// AssertionConfig is the config of an assertion.
type AssertionConfig = assertionConfig
