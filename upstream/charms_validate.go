package upstream

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"offlinestore/charm"
)

// validateCharm returns an error if r can't be the answer to a. It fills in the name and the ID, which the store may leave out.
func validateCharm(a charm.Action, r *charm.Result) error {
	if r.Result == "error" || r.Error != nil {
		return validateCharmError(r)
	}
	e := r.Charm
	switch {
	case r.Result != a.Action:
		return fmt.Errorf("the store answered %.40q to %q", r.Result, a.Action)
	case e == nil:
		return errors.New("the store answered without a charm")
	case charm.ValidateName(e.Name) != nil:
		return charm.ValidateName(e.Name)
	case charm.ValidateID(e.ID) != nil:
		return charm.ValidateID(e.ID)
	case r.Name != "" && r.Name != e.Name || r.ID != "" && r.ID != e.ID:
		return fmt.Errorf("the store answered about both %.60q and %.60q", r.Name, e.Name)
	case a.Name != nil && e.Name != *a.Name:
		return fmt.Errorf("the store answered about %.60q", e.Name)
	case a.ID != nil && e.ID != *a.ID:
		return fmt.Errorf("the store answered about the ID %.60q", e.ID)
	case a.Revision != nil && e.Revision != *a.Revision:
		return fmt.Errorf("the store answered with revision %d", e.Revision)
	case e.Type != charm.TypeCharm && e.Type != charm.TypeBundle:
		return fmt.Errorf("the store answered with the type %.60q", e.Type)
	case e.Revision < 0:
		return fmt.Errorf("the store answered with revision %d", e.Revision)
	case len(e.Bases) > maxCharmBases:
		return fmt.Errorf("%d bases, over the limit of %d", len(e.Bases), maxCharmBases)
	}
	if err := validateDownload(&e.Download); err != nil {
		return fmt.Errorf("revision %d: %w", e.Revision, err)
	}
	if err := validateResources(e.Resources); err != nil {
		return err
	}
	for _, want := range a.ResourceRevisions {
		if !slices.ContainsFunc(e.Resources, func(r charm.Resource) bool { return r.Name == want.Name && r.Revision == want.Revision }) {
			return fmt.Errorf("the store answered without revision %d of the resource %s", want.Revision, clean(want.Name))
		}
	}
	r.Name, r.ID = e.Name, e.ID
	return nil
}

// validateCharmError returns an error if the code is missing. It makes the text safe for a terminal.
func validateCharmError(r *charm.Result) error {
	if r.Error == nil || r.Error.Code == "" {
		return errors.New("the store answered an error without saying which")
	}
	r.Result, r.Charm = "error", nil
	r.Error.Code, r.Error.Message = clean(r.Error.Code), clean(r.Error.Message)
	if x := r.Error.Extra; x != nil && (len(x.DefaultBases) > maxCharmRows || len(x.Releases) > maxCharmRows) {
		return fmt.Errorf("%s: over the limit of %d releases", r.Error.Code, maxCharmRows)
	}
	return nil
}

// maxDownload bounds the size of a blob, so that sums of sizes don't overflow.
const maxDownload = 1 << 40

func validateResources(all []charm.Resource) error {
	if len(all) > maxCharmResources {
		return fmt.Errorf("%d resources, over the limit of %d", len(all), maxCharmResources)
	}
	seen := make(map[string]bool, len(all))
	for i := range all {
		if err := validateResource(&all[i]); err != nil {
			return err
		}
		if seen[all[i].Name] {
			return fmt.Errorf("resource %.60q: the store answered with it twice", all[i].Name)
		}
		seen[all[i].Name] = true
	}
	return nil
}

func validateResource(r *charm.Resource) error {
	switch err := charm.ValidateResourceName(r.Name); {
	case err != nil:
		return err
	case r.Revision < 0:
		return fmt.Errorf("resource %s: the store answered with revision %d", r.Name, r.Revision)
	case r.Type != charm.ResourceFile && r.Type != charm.ResourceImage:
		return fmt.Errorf("resource %s: the store answered with the type %.60q", r.Name, r.Type)
	}
	if r.Revision == 0 && r.Download.Size == 0 { // never uploaded
		return nil
	}
	if err := validateDownload(&r.Download); err != nil {
		return fmt.Errorf("resource %s: revision %d: %w", r.Name, r.Revision, err)
	}
	return nil
}

// validateDownload returns an error unless d has a URL, a size and a digest.
func validateDownload(d *charm.Download) error {
	for _, h := range []struct {
		name, sum string
		size      int
	}{{"sha-256", d.SHA256, 32}, {"sha-384", d.SHA384, 48}, {"sha-512", d.SHA512, 64}, {"sha3-384", d.SHA3384, 48}} {
		if b, err := hex.DecodeString(h.sum); h.sum != "" && (err != nil || len(b) != h.size) {
			return fmt.Errorf("the store's hash-%s is none: %.140q", h.name, h.sum)
		}
	}
	switch {
	case d.SHA256 == "" && d.SHA384 == "":
		return errors.New("the store gives neither hash-sha-256 nor hash-sha-384")
	case d.Size < 0 || d.Size > maxDownload:
		return fmt.Errorf("the store gives the size %d", d.Size)
	case d.URL == "":
		return errors.New("the store gives no download URL")
	}
	return nil
}
