package bundle

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"offlinestore/charm"
)

// errOther reports an archive that differs from its item.
var errOther = errors.New("not what the bundle says of it")

// CheckArchive opens the archive of a charm or charm bundle, whose digest is right, and compares the metadata in it with the
// item. Juju refuses a charm if the two differ, and the signer only vouches for the item.
func CheckArchive(item *charm.Item, r io.ReaderAt, size int64) error {
	look := compareCharm
	if item.Type == charm.TypeBundle {
		look = compareCharmBundle
	}
	if err := look(item, r, size); err != nil {
		return &MismatchError{charmRevisionName(item.Name, item.Revision.Number), err}
	}
	return nil
}

func compareCharm(item *charm.Item, r io.ReaderAt, size int64) error {
	a, err := charm.OpenArchive(r, size)
	if err != nil {
		return err
	}
	rev := &item.Revision
	if a.Metadata.Name != item.Name {
		return fmt.Errorf("metadata.yaml: the charm calls itself %s: %w", a.Metadata.Name, errOther)
	}
	for _, f := range []struct{ name, got, want string }{
		{"metadata.yaml", a.MetadataYAML, rev.MetadataYAML}, {"config.yaml", a.ConfigYAML, rev.ConfigYAML}, {"actions.yaml", a.ActionsYAML, rev.ActionsYAML},
	} {
		if orEmpty(f.got) != orEmpty(f.want) {
			return fmt.Errorf("%s: %w", f.name, errOther)
		}
	}
	return compareBases(a, rev.Bases)
}

// compareBases refuses a base that the charm's own metadata does not name. An old charm may name none.
func compareBases(a *charm.Archive, bases []*charm.Base) error {
	var archs []string
	for _, b := range bases {
		if !slices.Contains(archs, b.Architecture) {
			archs = append(archs, b.Architecture)
		}
	}
	allowed := a.ConcreteBases(archs)
	for _, b := range bases {
		if len(allowed) > 0 && !slices.Contains(allowed, *b) {
			return fmt.Errorf("manifest.yaml: no base %s: %w", b, errOther)
		}
	}
	return nil
}

func compareCharmBundle(item *charm.Item, r io.ReaderAt, size int64) error {
	a, err := charm.OpenBundleArchive(r, size)
	if err != nil {
		return err
	}
	if a.BundleYAML != item.Revision.BundleYAML {
		return fmt.Errorf("bundle.yaml: %w", errOther)
	}
	if said := item.Revision.ReadmeMD; said != "" && said != a.ReadmeMD {
		return fmt.Errorf("README.md: %w", errOther)
	}
	return nil
}

// orEmpty returns text, or the content that stands for a missing file when text is empty.
func orEmpty(text string) string {
	if text == "" {
		return "{}\n"
	}
	return text
}
