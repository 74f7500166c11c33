package snap

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of a store's description.
const (
	MaxStoreSnaps      = 100_000 // private snaps of one store
	maxStoreIDLength   = 64
	maxStoreNameLength = 255
)

var validStoreID = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9._-]*$`)

// Store describes the store of a brand in a bundle, with the private snaps that its devices get.
type Store struct {
	// AdminID is the account of the store's admin. It may be empty.
	AdminID string `json:"admin-id,omitempty"`
	// BrandID is the account of the brand. Devices of other brands don't get the snaps, so no store is without.
	BrandID string `json:"brand-id"`
	ID      string `json:"id"`
	Name    string `json:"name"`
	// Parent is the store above this one, whose private snaps its devices get, too. It is empty if there is none.
	Parent string `json:"parent,omitempty"`
	// Snaps are the snaps that the devices of the store get beside the global ones, sorted by SnapID.
	Snaps []StoreSnap `json:"snaps"`
}

// StoreSnap is a private snap in the list of a store.
type StoreSnap struct {
	Name   string `json:"name"`
	SnapID string `json:"snap-id"`
	// Store is the store that the snap is private to, if that is another one.
	Store string `json:"store,omitempty"`
}

// ValidateStoreID returns an error if id is invalid for a store.
func ValidateStoreID(id string) error {
	if len(id) > maxStoreIDLength || !validStoreID.MatchString(id) {
		return fmt.Errorf("store ID %.80q: want letters, digits, '.', '_' and '-', at most %d", id, maxStoreIDLength)
	}
	return nil
}

// Validate returns an error if s is invalid.
func (s *Store) Validate() error {
	if err := ValidateStoreID(s.ID); err != nil {
		return err
	}
	if err := s.validate(); err != nil {
		return fmt.Errorf("store %s: %w", s.ID, err)
	}
	return nil
}

func (s *Store) validate() error {
	if s.Name == "" || len(s.Name) > maxStoreNameLength || !utf8.ValidString(s.Name) || strings.ContainsFunc(s.Name, unicode.IsControl) {
		return fmt.Errorf("name %.80q: want at most %d bytes without control characters", s.Name, maxStoreNameLength)
	}
	for _, account := range []string{s.BrandID, cmp.Or(s.AdminID, s.BrandID)} {
		if ValidateStoreID(account) != nil {
			return fmt.Errorf("account-id %.80q: want letters, digits, '.', '_' and '-', at most %d", account, maxStoreIDLength)
		}
	}
	if s.Parent != "" {
		if err := ValidateStoreID(s.Parent); err != nil {
			return fmt.Errorf("parent: %w", err)
		}
		if s.Parent == s.ID {
			return errors.New("it is its own parent")
		}
	}
	return s.validateSnaps()
}

func (s *Store) validateSnaps() error {
	if n := len(s.Snaps); n > MaxStoreSnaps {
		return fmt.Errorf("%d snaps: want at most %d", n, MaxStoreSnaps)
	}
	for i, m := range s.Snaps {
		if err := cmp.Or(ValidateName(m.Name), ValidateID(m.SnapID)); err != nil {
			return err
		}
		if i > 0 && s.Snaps[i-1].SnapID >= m.SnapID {
			return fmt.Errorf("snap %s: its snap-id %s is not after the one before it", m.Name, m.SnapID)
		}
		if m.Store == s.ID {
			return fmt.Errorf("snap %s: its store is named, and is this one", m.Name)
		}
		if m.Store != "" {
			if err := ValidateStoreID(m.Store); err != nil {
				return fmt.Errorf("snap %s: %w", m.Name, err)
			}
		}
	}
	return nil
}

// Member returns the snap with an ID in the list of s.
func (s *Store) Member(snapID string) (StoreSnap, bool) {
	i, ok := slices.BinarySearchFunc(s.Snaps, snapID, func(m StoreSnap, id string) int { return cmp.Compare(m.SnapID, id) })
	if !ok {
		return StoreSnap{}, false
	}
	return s.Snaps[i], true
}

// Home returns the store that the member m of s is private to.
func (s *Store) Home(m StoreSnap) string { return cmp.Or(m.Store, s.ID) }
