package main

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"offlinestore/assertion"
	"offlinestore/catalog"
	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
	"offlinestore/instance/settings"
)

// revisionAuthority is the key for revisions that are published to this store. Nothing here uses it yet; the settings keep it, as in the
// original, so that they can move there and back.
type revisionAuthority struct {
	id, file string
	text     string // the private key
}

const (
	// armour begins the private key as gpg exports it.
	armour = "-----BEGIN PGP PRIVATE KEY BLOCK-----"
	// maxArmour is more than the length of any such key in bytes.
	maxArmour = 64 << 10
)

var validKeyID = regexp.MustCompile(`^[A-Za-z0-9_-]{64}$`)

// read reads the key with the rights with which the program was started. files are the other arguments.
func (k *revisionAuthority) read(files []string) error {
	switch {
	case k.id == "" && k.file == "":
		return nil
	case strings.Contains(k.file, armour):
		return cli.Usagef("--revision-authority-key: this is the key itself, which every user of this host can see now: replace it, and give the name of a file, or - for standard input")
	case k.id == "" || k.file == "":
		return cli.Usagef("--revision-authority-key-id and --revision-authority-key go together")
	case !validKeyID.MatchString(k.id):
		return cli.Usagef("--revision-authority-key-id %.80q: want the SHA3-384 of the public key, as 'store-admin export store --key' takes it", k.id)
	case k.file == fromInput && slices.Contains(files, "-"):
		return cli.Usagef("standard input is the bundle or the key, not both")
	}
	var raw []byte
	var err error
	if k.file == fromInput {
		raw, err = cli.ReadInput(os.Stdin, maxArmour)
	} else {
		raw, err = cli.ReadFile(k.file, maxArmour)
	}
	if err != nil {
		return err
	}
	if k.text = strings.TrimSpace(string(raw)); !strings.HasPrefix(k.text, armour) {
		return cli.Usagef("--revision-authority-key %s: want a private key as 'gpg --armor --export-secret-keys' writes it", k.file)
	}
	return nil
}

// keep puts the key into the settings, with the account that it belongs to.
func (k *revisionAuthority) keep(ctx context.Context, dir *instance.Dir) error {
	var account string
	err := withSnapshot(ctx, dir, func(_ *instance.Instance, cat *catalog.Snapshot) (err error) {
		account, err = accountOf(cat, k.id)
		return err
	})
	if err != nil {
		return err
	}
	s, err := dir.Settings()
	if err != nil {
		return err
	}
	err = s.Set(map[string]string{settings.RevisionsAccountID: account, settings.RevisionsKeyID: k.id, settings.RevisionsKey: k.text})
	if err == nil {
		cli.Note("The key for revisions of %s is in the settings.\n", account)
	}
	return err
}

// accountOf returns the account whose key an imported account-key is.
func accountOf(cat *catalog.Snapshot, keyID string) (string, error) {
	for _, a := range cat.Assertions {
		if a.Type != "account-key" || a.PrimaryKey[0] != keyID {
			continue
		}
		d, err := assertion.Decode(a.Raw)
		if err != nil {
			return "", fmt.Errorf("account-key %s: %w", keyID, err)
		}
		return d.HeaderString("account-id"), nil
	}
	return "", &unknownKeyError{keyID}
}

// unknownKeyError reports the ID of a key that no imported account-key has.
type unknownKeyError struct{ id string }

func (e *unknownKeyError) Error() string {
	return fmt.Sprintf("the store was imported, and its key for revisions is not kept: there is no account-key %s here", e.id)
}
