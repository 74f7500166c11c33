package main

import (
	"bytes"
	"strings"

	"filippo.io/age"

	"offlinestore/cmd/internal/cli"
	"offlinestore/instance/backup"
)

// passphraseWork is the work of scrypt for a new backup, as a power of two. Tests lower it.
var passphraseWork = backup.MaxWork

// readRecipients returns the recipients of a new backup. It reads files with the rights of the caller of the program.
func (s *backupSecrets) readRecipients() ([]age.Recipient, error) {
	if len(s.recipients) > 0 {
		if s.passphraseFile != "" {
			return nil, cli.Usagef("--recipient and --passphrase-file: give one of them")
		}
		list, err := age.ParseRecipients(strings.NewReader(strings.Join(s.recipients, "\n")))
		if err != nil {
			return nil, cli.Usagef("--recipient: want a public key of age, like age1…: %w", err)
		}
		return list, nil
	}
	text, err := s.passphrase(true)
	if err != nil {
		return nil, err
	}
	r, err := age.NewScryptRecipient(text)
	if err != nil {
		return nil, err
	}
	r.SetWorkFactor(passphraseWork)
	return []age.Recipient{r}, nil
}

// readIdentities returns the identities that may open an old backup.
func (s *backupSecrets) readIdentities() ([]age.Identity, error) {
	if len(s.identities) > 0 {
		if s.passphraseFile != "" {
			return nil, cli.Usagef("--identity and --passphrase-file: give one of them")
		}
		var all []age.Identity
		for _, path := range s.identities {
			text, err := cli.ReadFile(path, maxKeyFile)
			if err != nil {
				return nil, err
			}
			list, err := age.ParseIdentities(bytes.NewReader(text))
			if err != nil {
				return nil, cli.Usagef("%s: no identities as age-keygen makes them", path) // age's error may quote an identity
			}
			all = append(all, list...)
		}
		return all, nil
	}
	text, err := s.passphrase(false)
	if err != nil {
		return nil, err
	}
	i, err := age.NewScryptIdentity(text)
	if err != nil {
		return nil, err
	}
	return []age.Identity{i}, nil
}
