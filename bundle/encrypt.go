package bundle

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"filippo.io/age"
)

// EncryptedExtension ends the name of an encrypted archive.
const EncryptedExtension = ".age"

// Encryption encrypts one archive with age.
type Encryption struct {
	header bytes.Buffer
	out    io.Writer // the file, once it is known
	w      io.WriteCloser
}

// NewEncryption prepares the encryption of an archive to recipients, so that the size of the file is known before it is written.
func NewEncryption(recipients ...age.Recipient) (*Encryption, error) {
	e := new(Encryption)
	e.out = &e.header
	var err error
	if e.w, err = age.Encrypt(e, recipients...); err != nil {
		return nil, fmt.Errorf("encrypt the bundle: %w", err)
	}
	return e, nil
}

// Write implements [io.Writer] for the encrypted data.
func (e *Encryption) Write(p []byte) (int, error) { return e.out.Write(p) }

// Size returns the size of the file for an archive of n bytes.
func (e *Encryption) Size(n int64) int64 {
	return int64(e.header.Len()) + n + ageTag*max((n+ageChunk-1)/ageChunk, 1)
}

// To writes the header of the file, and returns a writer of the archive. Its Close does not close w.
func (e *Encryption) To(w io.Writer) (io.WriteCloser, error) {
	if e.out != &e.header {
		return nil, errors.New("encrypt the bundle: the key of a file is for one file")
	}
	if _, err := w.Write(e.header.Bytes()); err != nil {
		return nil, err
	}
	e.out = w
	return e.w, nil
}
