package bundle

// Limits of the format. A reader refuses a bundle that exceeds a limit before it allocates memory for it. A writer refuses it
// before it writes a bundle that no reader would accept.
const (
	MaxIndexSize     = 12 << 20 // bytes of index.json, and of the bundle index
	MaxItems         = 20_000   // items in a bundle
	MaxIndexValues   = 200_000  // commas and opening brackets and braces in index.json, and in the bundle index
	MaxManifestSize  = 1 << 20  // bytes of one manifest
	MaxImageSize     = 4 << 20  // bytes of one manifest of an image: the limit of registries
	MaxLayers        = 512      // layers of one item, and manifests that an image's index lists
	MaxImageValues   = 80_000   // commas and opening brackets and braces in one manifest of an image
	MaxConfigSize    = 16 << 20 // bytes of one config
	MaxAssertionSize = 4 << 20  // bytes of one item's assertion stream
	MaxIconSize      = 300_000  // bytes of an icon: snapd's limit
	MaxEnvelopeSize  = 8 << 20  // bytes of the signature's envelope
	MaxHeadSize      = 48 << 20 // bytes of manifests, configs, assertions and icons together
	MaxBlobSize      = 1 << 40  // bytes of one blob of the payload
	MaxRefLength     = 255      // bytes of an item's ref.name

	MaxParts          = 4096    // parts of a divided bundle
	MaxDivisionSize   = 8 << 20 // bytes of a division
	MaxDivisionValues = 600_000 // commas and opening brackets and braces in a division
)

// The limits of the formats before 1.2. A bundle with more needs 1.2.
const (
	oldImageSize   = 1 << 20 // bytes of one manifest of an image
	oldImageValues = 20_000
	oldConfigSize  = 4 << 20
	oldFileSize    = 1 << 20 // bytes of one file of a charm
)
