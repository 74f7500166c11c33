package wanted

import (
	"errors"
	"fmt"
	"strings"

	"offlinestore/assertion"
	"offlinestore/bundle"
	"offlinestore/channel"
	"offlinestore/charm"
	"offlinestore/image"
	"offlinestore/snap"
)

// maxNumber is the largest revision.
const maxNumber = min(snap.MaxRevision, charm.MaxRevision)

// maxText bounds a text without a form of its own, in bytes.
const maxText = 1024

// checks are the forms of texts, by the names in the tags of fields.
var checks = map[string]func(string) error{
	"snap":     snap.ValidateName,
	"charm":    charm.ValidateName,
	"resource": charm.ValidateResourceName,
	"receiver": func(s string) error { return about("receiver", s, bundle.ValidateReceiver(s)) },
	"store":    validateStore,
	"channel": func(s string) error {
		_, err := channel.Parse(s)
		return err
	},
	"base": func(s string) error {
		_, err := charm.ParseBase(s)
		return err
	},
	"architecture": func(s string) error {
		if s == snap.All {
			return errors.New("architecture all: name the architectures of your devices; snaps for all of them come along")
		}
		return snap.ValidateArchitecture(s)
	},
	"account": func(s string) error {
		_, err := assertion.RefFromPath("account", []string{s})
		return err
	},
	"key": func(s string) error {
		if _, err := assertion.ParseDigestHeader(s); err != nil {
			return fmt.Errorf("key %.80q: want the SHA3-384 of a public key, 64 letters, digits, - and _", s)
		}
		return nil
	},
	"set": func(s string) error {
		_, err := assertion.RefFromPath("validation-set", []string{snap.Series, "account", s, "1"})
		return about("validation set", s, err)
	},
	"image": func(s string) error { return (&charm.Image{Name: s}).Validate() },
	"reference": func(s string) error {
		_, err := image.ParseReference(s)
		return err
	},
	"inside": func(s string) error {
		_, err := image.ParseName(s)
		return err
	},
	"image-architecture": func(s string) error {
		if s == snap.All {
			return nil
		}
		return snap.ValidateArchitecture(s)
	},
}

func about(what, s string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %.*q: %w", what, maxShown, s, err)
}

func validateStore(s string) error {
	if s == "ubuntu" {
		return errors.New("store ubuntu: it is the global store, and not a brand's")
	}
	return snap.ValidateStoreID(s)
}

// checkText returns an error if a text does not have the form of a check, which may be empty.
func checkText(check, s string) error {
	if check != "" {
		return checks[check](s)
	}
	if len(s) > maxText && !strings.HasPrefix(s, "type: model") {
		return fmt.Errorf("%d bytes are over the limit of %d", len(s), maxText)
	}
	return nil
}

func (s *Snap) setText(text string) error {
	s.Name = text
	return checkText("snap", text)
}

func (c *Charm) setText(text string) error {
	c.Name = text
	return checkText("charm", text)
}

func (i *Image) setText(text string) error {
	i.Name = text
	return checkText("reference", text)
}

func (b *CharmBundle) setText(text string) error {
	b.Name = text
	return checkText("charm", text)
}

func (s *Store) setText(text string) error {
	s.ID = text
	return checkText("store", text)
}

func (m *Model) setText(text string) error {
	m.File = text
	return checkText("", text)
}

// setText reads ACCOUNT/NAME or ACCOUNT/NAME=SEQUENCE, the forms of snapd.
func (v *ValidationSet) setText(text string) error {
	name, sequence, pinned := strings.Cut(text, "=")
	var ok bool
	if v.Account, v.Name, ok = strings.Cut(name, "/"); !ok {
		return fmt.Errorf("validation set %.*q: want ACCOUNT/NAME or ACCOUNT/NAME=SEQUENCE", maxShown, text)
	}
	if !pinned {
		sequence = "1"
	}
	if _, err := assertion.RefFromPath("validation-set", []string{snap.Series, v.Account, v.Name, sequence}); err != nil {
		return about("validation set", text, err)
	}
	if pinned {
		_, err := fmt.Sscan(sequence, &v.Sequence)
		return err
	}
	return nil
}

// String returns the form that a text has in the file.
func (v ValidationSet) String() string {
	if v.Sequence == 0 {
		return v.Account + "/" + v.Name
	}
	return fmt.Sprintf("%s/%s=%d", v.Account, v.Name, v.Sequence)
}
