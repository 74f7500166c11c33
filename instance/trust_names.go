package instance

import (
	"errors"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"offlinestore/bundle"
)

// ErrSignerName means that a name for a signer is empty, too long, or not one line of text.
var ErrSignerName = errors.New("a name is one line of 1 to 64 characters")

// maxSignerName bounds the name of a signer, in characters.
const maxSignerName = 64

// NameSigner gives a key the name that people know its owner by. It is no part of the trust.
func (t Trust) NameSigner(k bundle.PublicKey, name string) error {
	if !isSignerName(name) {
		return ErrSignerName
	}
	return writeTrust(filepath.Join(t.signersDir(), strings.TrimPrefix(k.ID(), "sha256:")+".name"), []byte(name+"\n"))
}

func isSignerName(name string) bool {
	n := utf8.RuneCountInString(name)
	return utf8.ValidString(name) && n > 0 && n <= maxSignerName && strings.TrimSpace(name) == name && !strings.ContainsFunc(name, unicode.IsControl)
}

// SignerNames returns the names of signers by fingerprint. A file that holds no name counts for nothing.
func (t Trust) SignerNames() (map[string]string, error) {
	names := make(map[string]string)
	err := eachFile(t.signersDir(), ".name", func(path string, text []byte) error {
		if name := strings.TrimSuffix(string(text), "\n"); isSignerName(name) {
			names["sha256:"+strings.TrimSuffix(filepath.Base(path), ".name")] = name
		}
		return nil
	})
	return names, err
}
