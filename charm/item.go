package charm

import (
	"fmt"
	"regexp"
	"slices"

	"offlinestore/channel"
)

// validSnap is the syntax of snap names in package snap, without the limit of the length. Package charm does not import package
// snap.
var validSnap = regexp.MustCompile(`^[a-z0-9](?:-?[a-z0-9])*$`)

// maxSnapName is the limit of the Snap Store.
const maxSnapName = 40

// Validate returns an error if l is invalid.
func (l *Listing) Validate() error {
	if err := ValidateName(l.Name); err != nil {
		return err
	}
	if err := l.validate(); err != nil {
		return fmt.Errorf("%s: %w", l.Name, err)
	}
	return nil
}

func (l *Listing) validate() error {
	if err := ValidateID(l.ID); err != nil {
		return err
	}
	if err := validateType(l.Type); err != nil {
		return err
	}
	if err := validateTrack(l.DefaultTrack); err != nil {
		return err
	}
	if err := validateMedia(l.Result.Media); err != nil {
		return err
	}
	if len(l.Unknown) > 0 && !slices.Equal(l.Unknown, []string{UnknownIcon}) {
		return fmt.Errorf("unknown parts %.80q: want [%q]", l.Unknown, UnknownIcon)
	}
	type row struct {
		base    Base
		channel string
	}
	seen := make(map[row]bool, len(l.ChannelMap))
	for i := range l.ChannelMap {
		r := &l.ChannelMap[i]
		if err := r.validate(l.Type); err != nil {
			return fmt.Errorf("channel map: %w", err)
		}
		at := row{channel: r.Channel}
		if r.Base != nil {
			at.base = *r.Base
		}
		if seen[at] {
			return fmt.Errorf("channel map: %s for %s twice", r.Channel, at.base)
		}
		seen[at] = true
	}
	return nil
}

func (r *Release) validate(of string) error {
	if _, err := channel.ParseFull(r.Channel); err != nil {
		return err
	}
	switch {
	case of == TypeBundle && r.Base != nil:
		return fmt.Errorf("channel %s: a bundle has no base", r.Channel)
	case of == TypeCharm && r.Base == nil:
		return fmt.Errorf("channel %s: no base", r.Channel)
	}
	if r.Base != nil {
		if err := r.Base.Validate(); err != nil {
			return fmt.Errorf("channel %s: %w", r.Channel, err)
		}
	}
	if err := validateRevision(r.Revision, 0); err != nil {
		return fmt.Errorf("channel %s: %w", r.Channel, err)
	}
	if err := ValidateTime(r.ReleasedAt); err != nil {
		return fmt.Errorf("channel %s: released-at: %w", r.Channel, err)
	}
	if err := validateRefs(r.Resources); err != nil {
		return fmt.Errorf("channel %s: %w", r.Channel, err)
	}
	return nil
}

func validateRefs(refs []ResourceRef) error {
	seen := make(map[string]bool, len(refs))
	for _, ref := range refs {
		if err := ValidateResourceName(ref.Name); err != nil {
			return err
		}
		if err := validateRevision(ref.Revision, 0); err != nil {
			return fmt.Errorf("resource %s: %w", ref.Name, err)
		}
		if seen[ref.Name] {
			return fmt.Errorf("resource %s twice", ref.Name)
		}
		seen[ref.Name] = true
	}
	return nil
}

// Validate returns an error if i is invalid. It does not read the archive.
func (i *Item) Validate() error {
	if err := ValidateName(i.Name); err != nil {
		return err
	}
	if err := i.validate(); err != nil {
		return fmt.Errorf("%s revision %d: %w", i.Name, i.Revision.Number, err)
	}
	return nil
}

func (i *Item) validate() error {
	if err := ValidateID(i.ID); err != nil {
		return err
	}
	if err := validateType(i.Type); err != nil {
		return err
	}
	if err := i.Revision.validate(); err != nil {
		return err
	}
	if err := i.Revision.validateAs(i.Type); err != nil {
		return err
	}
	if len(i.Snaps) > MaxSnapHints {
		return fmt.Errorf("%d snaps are over the limit of %d", len(i.Snaps), MaxSnapHints)
	}
	for _, h := range i.Snaps {
		if err := h.Validate(); err != nil {
			return err
		}
	}
	return i.validateImages()
}

// validateImages checks the images of a charm bundle. Nothing would serve one without a digest.
func (i *Item) validateImages() error {
	if len(i.Images) > MaxBundleImages || len(i.Images) > 0 && i.Type != TypeBundle {
		return fmt.Errorf("%d images, want at most %d of a charm bundle", len(i.Images), MaxBundleImages)
	}
	seen := make(map[string]bool, len(i.Images))
	for j := range i.Images {
		image := &i.Images[j]
		if err := image.Validate(); err != nil {
			return err
		}
		if image.Digest == "" || seen[image.Name] {
			return fmt.Errorf("image %s: want it once, with a digest", image.Name)
		}
		seen[image.Name] = true
	}
	return nil
}

func (r *Revision) validate() error {
	if err := validateRevision(r.Number, 1); err != nil {
		return err
	}
	if err := ValidateTime(r.CreatedAt); err != nil {
		return fmt.Errorf("created-at: %w", err)
	}
	if err := r.Download.validate(); err != nil {
		return err
	}
	if r.Download.SHA256 == "" || r.Download.Size < 1 {
		return fmt.Errorf("download: want a size and a hash-sha-256")
	}
	for _, f := range []struct{ name, text string }{
		{actionsFile, r.ActionsYAML}, {bundleFile, r.BundleYAML}, {configFile, r.ConfigYAML}, {metadataFile, r.MetadataYAML}, {readmeFile, r.ReadmeMD},
	} {
		if len(f.text) > MaxYAMLSize {
			return fmt.Errorf("%s of %d bytes is over the limit of %d", f.name, len(f.text), MaxYAMLSize)
		}
	}
	return nil
}

// validateAs returns an error if r, as a revision of a charm or of a charm bundle, lacks a field or has a wrong one.
func (r *Revision) validateAs(what string) error {
	seen := make(map[Base]bool, len(r.Bases))
	for _, b := range r.Bases {
		switch {
		case b == nil && what == TypeBundle:
			continue
		case b == nil:
			return fmt.Errorf("a base that is null")
		case what == TypeBundle:
			return fmt.Errorf("base %s: a bundle has none", b)
		case seen[*b]:
			return fmt.Errorf("base %s twice", b)
		}
		if err := b.Validate(); err != nil {
			return err
		}
		seen[*b] = true
	}
	switch {
	case what == TypeBundle && isEmptyFile(r.BundleYAML):
		return fmt.Errorf("no %s", bundleFile)
	case what == TypeCharm && isEmptyFile(r.MetadataYAML):
		return fmt.Errorf("no %s", metadataFile)
	case what == TypeCharm && len(r.Bases) == 0:
		return fmt.Errorf("no bases")
	}
	return nil
}

// isEmptyFile reports whether text stands for a missing file.
func isEmptyFile(text string) bool { return text == "" || text == "{}" || text == "{}\n" }

// Validate validates the form of the hint.
func (h *SnapHint) Validate() error {
	if !isSnapName(h.Name) {
		return fmt.Errorf("snap name %.60q", h.Name)
	}
	if h.Channel != "" {
		if _, err := channel.Parse(h.Channel); err != nil {
			return fmt.Errorf("snap %s: %w", h.Name, err)
		}
	}
	for arch, n := range h.Revisions {
		if arch != "" {
			if err := ValidateArchitecture(arch); err != nil {
				return fmt.Errorf("snap %s: %w", h.Name, err)
			}
		}
		if err := validateRevision(n, 1); err != nil {
			return fmt.Errorf("snap %s: %w", h.Name, err)
		}
	}
	return nil
}

// isSnapName reports whether name can be the name of a snap.
func isSnapName(name string) bool {
	return len(name) <= maxSnapName && validSnap.MatchString(name) && hasLetter.MatchString(name)
}

var hasLetter = regexp.MustCompile(`[a-z]`)
