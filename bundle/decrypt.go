package bundle

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"filippo.io/age"
)

// ageMagic begins an archive that is encrypted with age.
const ageMagic = "age-encryption.org/v1\n"

// maxAgeHeader bounds the header of age, which has some hundred bytes for each recipient.
const maxAgeHeader = 256 << 10

// The sizes of age's payload: a nonce, then chunks, each with its tag.
const (
	ageNonce = 16
	ageChunk = 64 << 10
	ageTag   = 16
)

// EncryptedError reports an encrypted bundle that none of the given identities opens.
type EncryptedError struct {
	// Recipients is the number of keys that it is encrypted to. It is 0 for a passphrase.
	Recipients int
	// Tried are the recipients that belong to the given identities.
	Tried []string
}

// Error returns a text with the recipients of the given identities. age hides the ones in the file.
func (e *EncryptedError) Error() string {
	switch {
	case e.Recipients == 0:
		return "it is encrypted with a passphrase; bundles are encrypted to keys"
	case len(e.Tried) == 0:
		return fmt.Sprintf("it is encrypted (recipients: %d), and no identity was given", e.Recipients)
	}
	return fmt.Sprintf("it is encrypted (recipients: %d), and not to %s", e.Recipients, strings.Join(e.Tried, ", "))
}

// errAltered reports a chunk that age does not open.
var errAltered = errors.New("the encrypted file is damaged, altered or cut off")

// newEncryptedSource decrypts the archive in b, of size bytes, or -1 for an unknown size.
func newEncryptedSource(b *bufio.Reader, size int64, identities []age.Identity) (*tarSource, error) {
	src := &inputReader{r: b}
	plain, header, err := decrypt(src, identities)
	if err != nil {
		return nil, err
	}
	t, err := newTarSource(plain, nil)
	if err != nil {
		return nil, err
	}
	t.encrypted = true
	if size >= 0 {
		if t.size, err = plainSize(size - header); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// decrypt returns the content of an encrypted file, and the size of its header. It never does the work of a passphrase.
func decrypt(src *inputReader, identities []age.Identity) (plain io.Reader, size int64, err error) {
	var start bytes.Buffer
	header, err := age.ExtractHeader(io.TeeReader(io.LimitReader(src, maxAgeHeader), &start))
	if err != nil {
		return nil, 0, src.explain(corrupt("encryption: its header is damaged, or has more than %d bytes", maxAgeHeader))
	}
	identities = slices.DeleteFunc(slices.Clone(identities), func(i age.Identity) bool {
		_, isPassphrase := i.(*age.ScryptIdentity)
		return isPassphrase
	})
	if len(identities) == 0 {
		identities = []age.Identity{noIdentity{}}
	}
	key, err := age.DecryptHeader(header, identities...)
	if none, ok := errors.AsType[*age.NoIdentityMatchError](err); ok {
		return nil, 0, encryptedError(none, identities)
	}
	if err != nil {
		return nil, 0, corrupt("encryption: its header is damaged or altered")
	}
	r, err := age.Decrypt(io.MultiReader(&start, src), age.NewInjectedFileKeyIdentity(key))
	if err != nil {
		return nil, 0, src.explain(corrupt("encryption: %w", errAltered))
	}
	return &plainReader{r, src}, int64(len(header)), nil
}

// encryptedError returns the error for a file that no identity opens.
func encryptedError(none *age.NoIdentityMatchError, identities []age.Identity) error {
	e := &EncryptedError{Recipients: len(none.StanzaTypes)}
	if slices.Contains(none.StanzaTypes, "scrypt") {
		e.Recipients = 0
	}
	for _, i := range identities {
		if r := RecipientOf(i); r != "" {
			e.Tried = append(e.Tried, r)
		}
	}
	return e
}

// RecipientOf returns the recipient that belongs to an identity, or "".
func RecipientOf(i age.Identity) string {
	switch i := i.(type) {
	case *age.X25519Identity:
		return i.Recipient().String()
	case *age.HybridIdentity:
		return i.Recipient().String()
	}
	return ""
}

// noIdentity is an identity that opens nothing.
type noIdentity struct{}

// Unwrap implements [age.Identity].
func (noIdentity) Unwrap([]*age.Stanza) ([]byte, error) { return nil, age.ErrIncorrectIdentity }

// plainSize returns the size of the content of an encrypted payload of n bytes.
func plainSize(n int64) (int64, error) {
	n -= ageNonce
	chunks := (n + ageChunk + ageTag - 1) / (ageChunk + ageTag)
	plain := n - chunks*ageTag
	if chunks < 1 || plain <= (chunks-1)*ageChunk { // the last chunk is not empty
		return 0, corrupt("encryption: %w", errCutOff)
	}
	return plain, nil
}

// inputReader remembers the error of the encrypted file, to distinguish a failing disk from damaged content.
type inputReader struct {
	r   io.Reader
	err error
}

// Read implements [io.Reader].
func (i *inputReader) Read(p []byte) (int, error) {
	n, err := i.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		i.err = err
	}
	return n, err
}

// explain returns the error of the file, or other if the file could be read.
func (i *inputReader) explain(other error) error {
	if i.err != nil {
		return fmt.Errorf("encryption: %w", i.err)
	}
	return other
}

// plainReader is the content of an encrypted file.
type plainReader struct {
	r   io.Reader
	src *inputReader
}

// Read implements [io.Reader].
func (p *plainReader) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	if err == nil || errors.Is(err, io.EOF) {
		return n, err
	}
	return n, p.src.explain(corrupt("encryption: %w", errAltered))
}
