package instance

import (
	"fmt"
	"time"

	"offlinestore/audit"
	"offlinestore/blob"
	"offlinestore/instance/settings"
	"offlinestore/registration"
)

// RegisterResult names the store that a Dir has become. It lacks the private key.
type RegisterResult struct {
	StoreID    string    `json:"store-id"`
	URL        string    `json:"url"`
	Domain     string    `json:"domain"`
	OperatorID string    `json:"operator-id"`
	IssuedAt   time.Time `json:"issued-at"`
	// Replaced is the ID of the store that it was before. It is empty if there was none, or the same.
	Replaced string `json:"replaced,omitempty"`
	// First reports that there was no store assertion before.
	First bool `json:"-"`
}

// DomainError means that a store assertion is for another host name than proxy.domain.
type DomainError struct{ URL, Domain, Want string }

func (e *DomainError) Error() string {
	return fmt.Sprintf("the store assertion is for %s, and %s is %s", e.URL, settings.Domain, e.Want)
}

// Register enters the data folder, verifies a claim, and makes this store the one that the claim names. The error may be a
// DomainError, or one of registration.Verify.
func (d Dir) Register(c *registration.Claim) (*RegisterResult, error) {
	if err := d.Enter(); err != nil {
		return nil, err
	}
	trust, err := d.Trust().Assertions()
	if err != nil {
		return nil, err
	}
	r, err := registration.Verify(c, trust, "", time.Now())
	if err != nil {
		return nil, err
	}
	s, err := d.Settings()
	if err != nil {
		return nil, err
	}
	before, err := currentStore(s, r)
	if err != nil {
		return nil, err
	}
	out := &RegisterResult{StoreID: r.StoreID, URL: r.URL, Domain: r.Domain, OperatorID: r.OperatorID, IssuedAt: r.IssuedAt, First: !d.HasStoreAssertion()}
	if before != r.StoreID {
		out.Replaced = before
	}
	act := &audit.Act{What: "register", Subject: r.StoreID, After: map[string]any{"url": r.URL, "operator-id": r.OperatorID, "issued-at": audit.Time(r.IssuedAt)}}
	if before != "" {
		act.Before = map[string]string{"store-id": before}
	}
	err = d.record(act, func() error {
		return blob.WriteFile(d.StoreAssertionPath(), r.Stream, blob.WriteOptions{Mode: 0o644})
	})
	if err != nil {
		return nil, fmt.Errorf("save the store assertion: %w", err)
	}
	changes := map[string]string{settings.StoreID: r.StoreID, settings.StoreURL: r.URL, settings.Domain: r.Domain}
	if r.PrivateKey != "" {
		changes[settings.KeyPrivate], changes[settings.KeyPublic] = r.PrivateKey, r.PublicKey
	}
	return out, s.Set(changes)
}

// currentStore returns the ID of the store that the settings name. It refuses an assertion for another host name than the one in
// the settings: an assertion is too easily the wrong file, and would move a whole fleet's store. A move begins with the setting.
func currentStore(s *settings.Settings, r *registration.Registration) (id string, err error) {
	domain := s.Values().Domain
	if domain != "" && domain != r.Domain {
		return "", &DomainError{r.URL, r.Domain, domain}
	}
	return s.Values().StoreID, nil
}
