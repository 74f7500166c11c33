package bundle

import (
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// parseCharm parses the item of a charm by name. data has the content of the small blobs.
func parseCharm(desc ocispec.Descriptor, m *ocispec.Manifest, data map[digest.Digest][]byte) (*Charm, error) {
	c := &Charm{}
	if err := parseConfig(desc, m, data, &c.Listing); err != nil {
		return nil, err
	}
	for _, l := range m.Layers {
		switch {
		case l.MediaType == mediaAssertions && c.Assertions == nil && c.Icon == nil:
			c.Assertions = data[l.Digest]
		case l.MediaType != mediaAssertions && c.Icon == nil:
			c.Icon = &Icon{l.MediaType, data[l.Digest]}
		default:
			return nil, corrupt("%s: want at most one assertion stream and one icon", refName(desc))
		}
	}
	return c, validateParsed(desc, c)
}

// parseCharmRevision parses the item of a charm's revision.
func parseCharmRevision(desc ocispec.Descriptor, m *ocispec.Manifest, data map[digest.Digest][]byte) (*CharmRevision, error) {
	r := &CharmRevision{}
	if err := parseConfig(desc, m, data, &r.Item); err != nil {
		return nil, err
	}
	if len(m.Layers) != 1 {
		return nil, corrupt("%s: %d layers, want its archive", refName(desc), len(m.Layers))
	}
	r.Blob = File{m.Layers[0].Digest, m.Layers[0].Size}
	return r, validateParsed(desc, r)
}

// parseCharmResource parses the item of a revision of a charm's resource.
func parseCharmResource(desc ocispec.Descriptor, m *ocispec.Manifest, data map[digest.Digest][]byte) (*CharmResource, error) {
	r := &CharmResource{}
	if err := parseConfig(desc, m, data, &r.ResourceItem); err != nil {
		return nil, err
	}
	if len(m.Layers) > 1 {
		return nil, corrupt("%s: %d layers, want at most one", refName(desc), len(m.Layers))
	}
	for _, l := range m.Layers {
		r.Blob = &File{l.Digest, l.Size}
	}
	return r, validateParsed(desc, r)
}

func parseConfig(desc ocispec.Descriptor, m *ocispec.Manifest, data map[digest.Digest][]byte, config any) error {
	if err := decodeConfig(m, data, config); err != nil {
		return corrupt("%s: config: %w", refName(desc), err)
	}
	return nil
}

// validateParsed refuses an item that could not be written, or whose name differs from the name that follows from its config.
func validateParsed(desc ocispec.Descriptor, it interface {
	validate() error
	itemName() string
}) error {
	if err := it.validate(); err != nil {
		return corrupt("%s: %w", refName(desc), err)
	}
	if name := it.itemName(); name != refName(desc) {
		return corrupt("%s: its config is of %s", refName(desc), name)
	}
	return nil
}
