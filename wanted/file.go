// Package wanted reads and writes the files that tell an exporter what to bring: wanted.yaml names it, and wanted.lock has every revision
// and digest of it. It also compares them with bundles and receipts.
package wanted

import (
	"offlinestore/charm"
)

// MaxSize bounds a wanted.yaml, in bytes.
const MaxSize = 4 << 20

// File is the content of a wanted.yaml. docs/wanted.md describes it, and docs/wanted.schema.json is its schema.
type File struct {
	// Architectures and Channels are for entries that name none. They are amd64 and stable if the file names none.
	Architectures []string `yaml:"architectures" check:"architecture"`
	Channels      []string `yaml:"channels" check:"channel"`
	// Base is for charms that name none.
	Base string `yaml:"base" check:"base"`

	Snaps   []Snap        `yaml:"snaps"`
	Charms  []Charm       `yaml:"charms"`
	Bundles []CharmBundle `yaml:"bundles"`
	// Images has a list of images that belong to no charm. It may also be CharmImages, as in earlier forms.
	Images         Images          `yaml:"images" check:"list"`
	ValidationSets []ValidationSet `yaml:"validation-sets"`
	AccountKeys    []AccountKey    `yaml:"account-keys"`
	Models         []Model         `yaml:"models"`
	Stores         []Store         `yaml:"stores"`
	// Receivers are the sites that get a bundle each.
	Receivers []string `yaml:"receivers" check:"receiver"`

	// Dependencies, Icons and CharmSnaps are nil if the file does not say. Snaps come with their dependencies and icons then, and charms
	// without the snaps that they install.
	Dependencies *bool `yaml:"dependencies"`
	Icons        *bool `yaml:"icons"`
	CharmSnaps   *bool `yaml:"charm-snaps"`
	// CharmImages are about the images of charms. Parse moves them to Images.
	CharmImages Images `yaml:"charm-images"`

	// Packages has snaps in the form of 'export snaps --from-yaml'. Parse adds them to Snaps.
	Packages []Package `yaml:"packages"`
	// Applications are the charms in the form of a bundle.yaml.
	Applications []charm.Application `yaml:"-"`
	// Path is the name of the file in errors, and Warnings are remarks about its text.
	Path     string   `yaml:"-" json:"-"`
	Warnings []string `yaml:"-" json:"-"`
}

// Position is the place of an entry in the text, counted from 1.
type Position struct {
	Line   int `yaml:"-" json:"-"`
	Column int `yaml:"-" json:"-"`
}

// Snap is a snap, in its channels or in one revision.
type Snap struct {
	Position      `yaml:"-"`
	Name          string   `yaml:"name,omitempty" check:"snap" need:"name"`
	Channels      []string `yaml:"channels,omitempty,flow" check:"channel"`
	Architectures []string `yaml:"architectures,omitempty,flow" check:"architecture"`
	Revision      int      `yaml:"revision,omitempty"`
	// PushChannel is the channel in which the receiver puts the revision.
	PushChannel string `yaml:"push_channel,omitempty" check:"channel"`
}

// Package is a snap in the form of 'export snaps --from-yaml'.
type Package struct {
	Position    `yaml:"-"`
	Name        string `yaml:"name" check:"snap" need:"name"`
	Revision    int    `yaml:"revision"`
	PushChannel string `yaml:"push_channel" check:"channel"`
}

// Charm is a charm, in its channels or in one revision.
type Charm struct {
	Position      `yaml:"-"`
	Name          string   `yaml:"name,omitempty" check:"charm" need:"name"`
	Channels      []string `yaml:"channels,omitempty,flow" check:"channel"`
	Architectures []string `yaml:"architectures,omitempty,flow" check:"architecture"`
	Bases         []string `yaml:"bases,omitempty,flow" check:"base"`
	Revision      int      `yaml:"revision,omitempty"`
	// Resources maps names of resources to revisions, or to the names that images get inside.
	Resources map[string]Resource `yaml:"resources,omitempty"`
}

// Resource is a revision, or the name of an image.
type Resource struct {
	Revision int
	Image    string
}

// CharmBundle is a charm bundle with all its charms.
type CharmBundle struct {
	Position `yaml:"-"`
	Name     string   `yaml:"name,omitempty" check:"charm" need:"name"`
	Channels []string `yaml:"channels,omitempty,flow" check:"channel"`
}

// Images tells which container images of the charms come along. The members are nil if the file does not say: then all do, with
// the manifests that refer to them. List has the images that belong to no charm.
type Images struct {
	List     []Image `yaml:"-"`
	Position `yaml:"-"`
	Include  *bool `yaml:"include,omitempty"`
	// Referrers are signatures and attestations.
	Referrers     *bool    `yaml:"referrers,omitempty"`
	Architectures []string `yaml:"architectures,omitempty,flow" check:"architecture"`
}

// Image is a container image that belongs to no charm.
type Image struct {
	Position `yaml:"-"`
	// Name is the name upstream: registry/path, with a tag or a digest.
	Name string `yaml:"name,omitempty" check:"reference" need:"name"`
	// As is the name inside, path or path:tag, if it is another one.
	As            string   `yaml:"as,omitempty" check:"inside"`
	Architectures []string `yaml:"architectures,omitempty,flow" check:"image-architecture"`
	// Referrers is false for an image without its signatures and attestations.
	Referrers *bool `yaml:"referrers,omitempty"`
}

// ValidationSet is a validation set with the snaps that it pins. Sequence is 0 for the latest.
type ValidationSet struct {
	Position `yaml:"-"`
	Account  string `yaml:"account,omitempty" check:"account" need:"account"`
	Name     string `yaml:"name,omitempty" check:"set" need:"name"`
	Sequence int    `yaml:"sequence,omitempty"`
}

// AccountKey is a public key of an account.
type AccountKey struct {
	Position `yaml:"-"`
	Account  string `yaml:"account,omitempty" check:"account" need:"account"`
	ID       string `yaml:"id,omitempty" check:"key" need:"id"`
}

// Model is a model with all its snaps: a File with the signed model, relative to the folder of the wanted.yaml, or the Assertion itself.
type Model struct {
	Position  `yaml:"-"`
	File      string `yaml:"file,omitempty"`
	Assertion string `yaml:"assertion,omitempty"`
	// Architectures are for a classic model that names none.
	Architectures []string `yaml:"architectures,omitempty,flow" check:"architecture"`
}

// Store is the store of a brand.
type Store struct {
	Position `yaml:"-"`
	ID       string `yaml:"id,omitempty" check:"store" need:"id"`
	// Snaps is false for a store without the revisions of its snaps.
	Snaps *bool `yaml:"snaps,omitempty"`
	// Keys are the IDs of registered keys.
	Keys []string `yaml:"keys,omitempty" check:"key"`
}

// Includes returns the value of a member that is true unless the file says otherwise.
func Includes(b *bool) bool { return b == nil || *b }

// IsEmpty reports whether f asks for nothing.
func (f *File) IsEmpty() bool {
	return len(f.Snaps)+len(f.Packages)+len(f.Charms)+len(f.Bundles)+len(f.ValidationSets)+len(f.AccountKeys)+len(f.Models)+len(f.Stores)+len(f.Applications)+len(f.Images.List) == 0
}

// MarshalYAML returns the revision or the name of the image.
func (r Resource) MarshalYAML() (any, error) {
	if r.Revision > 0 {
		return r.Revision, nil
	}
	return r.Image, nil
}
