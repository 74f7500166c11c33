package instance

import (
	"slices"

	"offlinestore/assertion"
	"offlinestore/bundle"
)

// Signer is a trusted signer of bundles, and the name that people know it by.
type Signer struct {
	Algorithm   string `json:"algorithm"`
	Fingerprint string `json:"fingerprint"`
	Name        string `json:"name"`
}

// Describe returns keys as signers. Their names may be earlier ones.
func (t Trust) Describe(keys ...bundle.PublicKey) ([]Signer, error) {
	names, err := t.SignerNames()
	if err != nil {
		return nil, err
	}
	out := []Signer{}
	for _, k := range keys {
		out = append(out, Signer{k.Algorithm(), k.ID(), names[k.ID()]})
	}
	return out, nil
}

// RootAccounts names the accounts of a root.
type RootAccounts struct {
	Root     string   `json:"root"`
	Accounts []string `json:"accounts"`
}

// NewRootAccounts returns the accounts of a root, sorted, each once.
func NewRootAccounts(id string, as []*assertion.Assertion) RootAccounts {
	names := []string{}
	for _, a := range as {
		names = append(names, a.HeaderString("account-id"))
	}
	slices.Sort(names)
	return RootAccounts{id, slices.Compact(names)}
}
