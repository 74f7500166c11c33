package bundle

import (
	"errors"
	"fmt"
	"slices"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"offlinestore/charm"
)

// Charm is the item of a charm or charm bundle by name: its listing, the stream of its publisher's account assertion with the
// assertions that this one needs, and its icon. The stream is nil where the store has no account assertion, the icon where the
// charm has none.
type Charm struct {
	charm.Listing
	Assertions []byte
	Icon       *Icon
}

// File is a blob of the payload that no assertion names: a .charm, the archive of a charm bundle, a resource.
type File struct {
	Digest digest.Digest
	Size   int64
}

// CharmRevision is the item of one revision of a charm or charm bundle, and its archive.
type CharmRevision struct {
	charm.Item
	Blob File
}

// CharmResource is the item of one revision of a charm's resource, and its file. The file is nil for an image, whose manifests
// are items of their own, and for a file that was never uploaded.
type CharmResource struct {
	charm.ResourceItem
	Blob *File
}

// charmPrefix begins the names of a charm's items. No snap has a dot in its name, so the snap postgresql, the charm postgresql
// and their revisions have different names in index.json.
const charmPrefix = "charm."

func charmRevisionName(name string, revision int) string {
	return fmt.Sprintf("%s%s_%d", charmPrefix, name, revision)
}

func charmResourceName(charm, resource string, revision int) string {
	return fmt.Sprintf("%s%s.%s_%d", charmPrefix, charm, resource, revision)
}

func (c *Charm) itemName() string { return charmPrefix + c.Name }

func (r *CharmRevision) itemName() string { return charmRevisionName(r.Name, r.Revision.Number) }

func (r *CharmResource) itemName() string {
	return charmResourceName(r.Charm, r.Resource.Name, r.Resource.Revision)
}

// AddCharm adds a charm or charm bundle by name.
func (d *Builder) AddCharm(c *Charm) error {
	if err := c.validate(); err != nil {
		return err
	}
	return d.addItem(TypeCharm, c.itemName(), MediaCharmConfig, encode(c.Listing), c.layers())
}

func (c *Charm) validate() error {
	if c.Icon != nil && slices.Contains(c.Unknown, charm.UnknownIcon) {
		return fmt.Errorf("charm %s: its icon is said to be unknown, and is there", c.Name)
	}
	return c.Listing.Validate()
}

func (c *Charm) layers() []Layer {
	var layers []Layer
	if len(c.Assertions) > 0 {
		layers = append(layers, inline(mediaAssertions, c.Name+".assert", c.Assertions))
	}
	if c.Icon != nil {
		layers = append(layers, inline(c.Icon.MediaType, c.Name+iconTypes[c.Icon.MediaType], c.Icon.Data))
	}
	return layers
}

// AddCharmRevision adds one revision of a charm or charm bundle.
func (d *Builder) AddCharmRevision(r *CharmRevision) error {
	if err := r.validate(); err != nil {
		return err
	}
	return d.addItem(TypeCharmRevision, r.itemName(), MediaCharmRevisionConfig, encode(r.Item), r.layers())
}

func (r *CharmRevision) validate() error {
	if err := r.Item.Validate(); err != nil {
		return err
	}
	return r.Blob.validate(r.itemName(), r.Revision.Download)
}

// isNew reports whether the formats before 1.2 can't hold r.
func (r *CharmRevision) isNew() bool {
	longest := 0
	for _, text := range []string{r.Revision.ActionsYAML, r.Revision.BundleYAML, r.Revision.ConfigYAML, r.Revision.MetadataYAML, r.Revision.ReadmeMD} {
		longest = max(longest, len(text))
	}
	return len(r.Images) > 0 || longest > oldFileSize
}

func (r *CharmRevision) layers() []Layer {
	end := ".charm"
	if r.Type == charm.TypeBundle {
		end = ".zip"
	}
	return []Layer{r.Blob.layer(MediaCharmBlob, fmt.Sprintf("%s_%d%s", r.Name, r.Revision.Number, end))}
}

// AddCharmResource adds one revision of a charm's resource.
func (d *Builder) AddCharmResource(r *CharmResource) error {
	if err := r.validate(); err != nil {
		return err
	}
	return d.addItem(TypeCharmResource, r.itemName(), MediaCharmResourceConfig, encode(r.ResourceItem), r.layers())
}

func (r *CharmResource) validate() error {
	if err := r.ResourceItem.Validate(); err != nil {
		return err
	}
	if r.HasBlob() != (r.Blob != nil) {
		return errors.New(r.itemName() + ": an image has no blob, nor has a file that was never uploaded; all others have one")
	}
	if r.Blob == nil {
		return nil
	}
	return r.Blob.validate(r.itemName(), r.Resource.Download)
}

func (r *CharmResource) layers() []Layer {
	if r.Blob == nil {
		return nil
	}
	title := fmt.Sprintf("%s.%s_%d", r.Charm, r.Resource.Name, r.Resource.Revision)
	return []Layer{r.Blob.layer(MediaCharmResourceBlob, title)}
}

// validate refuses a file that differs from the download in the store's message.
func (f *File) validate(item string, want charm.Download) error {
	if f.Digest.String() != "sha256:"+want.SHA256 || f.Size != want.Size {
		return fmt.Errorf("%s: its blob's size or SHA-256 is not what the config says", item)
	}
	return nil
}

func (f *File) layer(mediaType, title string) Layer {
	return Layer{Descriptor: ocispec.Descriptor{
		MediaType: mediaType, Digest: f.Digest, Size: f.Size, Annotations: map[string]string{ocispec.AnnotationTitle: title},
	}}
}
