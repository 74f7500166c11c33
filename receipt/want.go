package receipt

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"offlinestore/audit"
)

// A want code is short enough to be read over a telephone. Its bytes are, in this order: the checksum of the rest (2), the version (1), the beginning of the
// exporter's key (4) and of the BundleID (8), the time in seconds (4), the number of bytes that follow (1), the missing bundles, and the
// signature (64) of all before it but the checksum. The text is base32 in Crockford's alphabet, in groups of five.
const (
	wantVersion  = 1
	wantFixed    = 2 + 1 + keyPrefix + bundlePrefix + 4 + 1
	keyPrefix    = 4
	bundlePrefix = 8
	// maxRanges bounds the bytes for the missing bundles. More of them become all.
	maxRanges     = 20
	signatureSize = 64
	groupSize     = 5
	// MaxCode is the length of the longest code, in characters.
	MaxCode = 200
	// wantPurpose begins the signed bytes.
	wantPurpose = "offlinestore want code\n"
)

// crockford is Crockford's base32: without I, L, O and U, which people read as other characters.
var crockford = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)

var (
	// ErrCode reports a text that is no want code.
	ErrCode = errors.New("not a want code")
	// ErrTyping reports a want code with a wrong character.
	ErrTyping = errors.New("the want code has a wrong character: compare it group by group")
)

// Want names the blobs that a site lacks for an increment, by the bundles that had them.
type Want struct {
	// Exporter is the fingerprint of the key that has signed the increment, and Bundle its BundleID.
	Exporter string
	Bundle   digest.Digest
	Created  time.Time
	// All wants all blobs that the increment leaves out. Otherwise Carried has positions in the list of bundles that carried them, ascending, and
	// Unknown wants the blobs that were in none of these.
	All     bool
	Carried []int
	Unknown bool
}

// BundleID names a signed bundle: two bundles with the same content and different statements are two.
func BundleID(index digest.Digest, created time.Time, sequence uint64) digest.Digest {
	return digest.FromString(fmt.Sprintf("%s %d %d", index, created.Unix(), sequence))
}

// Code signs the want, and returns its text, of at most MaxCode characters.
func (w *Want) Code(k audit.Key) (string, error) {
	exporter, err := keyOf(digest.Digest(w.Exporter))
	if err != nil {
		return "", err
	}
	bundle, err := keyOf(w.Bundle)
	if err != nil {
		return "", err
	}
	seconds := w.Created.Unix()
	if seconds < 0 || seconds > math.MaxUint32 {
		return "", fmt.Errorf("the time %s has no place in a want code", w.Created)
	}
	ranges := w.ranges()
	raw := append([]byte{0, 0, wantVersion}, exporter[:keyPrefix]...)
	raw = append(raw, bundle[:bundlePrefix]...)
	raw = binary.BigEndian.AppendUint32(raw, uint32(seconds))
	raw = append(append(raw, byte(len(ranges))), ranges...)
	raw = append(raw, k.Sign(signedWant(raw))...)
	binary.BigEndian.PutUint16(raw, checksum(raw[2:]))
	var out strings.Builder
	for i, c := range crockford.EncodeToString(raw) {
		if i > 0 && i%groupSize == 0 {
			out.WriteByte('-')
		}
		out.WriteRune(c)
	}
	return out.String(), nil
}

// signedWant returns the bytes that are signed: without the checksum.
func signedWant(raw []byte) []byte { return append([]byte(wantPurpose), raw[2:]...) }

func checksum(b []byte) uint16 {
	sum := crc32.ChecksumIEEE(b)
	return uint16(sum>>16) ^ uint16(sum)
}

// The first byte of ranges.
const (
	wantAll     = 0
	wantSome    = 1
	wantUnknown = 2 // beside some
)

// ranges returns the missing bundles: a flag, and for each run of positions the distance to the one before and its length.
func (w *Want) ranges() []byte {
	all := []byte{wantAll}
	if w.All {
		return all
	}
	out := []byte{wantSome}
	if w.Unknown {
		out[0] = wantUnknown
	}
	end := 0
	for i := 0; i < len(w.Carried); {
		n := 1
		for i+n < len(w.Carried) && w.Carried[i+n] == w.Carried[i]+n {
			n++
		}
		out = binary.AppendUvarint(out, uint64(w.Carried[i]-end))
		out = binary.AppendUvarint(out, uint64(n))
		end = w.Carried[i] + n
		i += n
	}
	if len(out) > maxRanges {
		return all
	}
	return out
}

// maxPositions bounds the missing bundles of a code that somebody has made up.
const maxPositions = 1 << 16

// setRanges reads the text of ranges.
func (w *Want) setRanges(raw []byte) error {
	if len(raw) == 0 || raw[0] > wantUnknown || raw[0] == wantAll && len(raw) > 1 {
		return ErrCode
	}
	w.All, w.Unknown = raw[0] == wantAll, raw[0] == wantUnknown
	for raw, end := raw[1:], 0; len(raw) > 0; {
		gap, n := binary.Uvarint(raw)
		if n <= 0 {
			return ErrCode
		}
		count, m := binary.Uvarint(raw[n:])
		if m <= 0 || gap > maxPositions || count == 0 || count > maxPositions || len(w.Carried) > maxPositions {
			return ErrCode
		}
		for i := range int(count) {
			w.Carried = append(w.Carried, end+int(gap)+i)
		}
		end += int(gap) + int(count)
		raw = raw[n+m:]
	}
	return nil
}

// SignedWant is a want code whose signature was not verified yet. Exporter and Bundle of its Want are beginnings: [SignedWant.Matches] compares them.
type SignedWant struct {
	Want
	exporter, bundle, signed, signature []byte
}

// ParseCode parses a want code, in upper or lower case, with any blanks and dashes. The error is ErrCode or ErrTyping.
func ParseCode(text string) (*SignedWant, error) {
	clean := strings.NewReplacer("-", "", " ", "", "\n", "", "O", "0", "I", "1", "L", "1").Replace(strings.ToUpper(text))
	if len(text) > 2*MaxCode {
		return nil, ErrCode
	}
	raw, err := crockford.DecodeString(clean)
	if err != nil || crockford.EncodeToString(raw) != clean || len(raw) < wantFixed+1+signatureSize {
		return nil, fmt.Errorf("%w: it has %d characters without dashes", ErrCode, len(clean))
	}
	if binary.BigEndian.Uint16(raw) != checksum(raw[2:]) {
		return nil, ErrTyping
	}
	at := len(raw) - signatureSize
	s := &SignedWant{signed: signedWant(raw[:at]), signature: raw[at:]}
	rest := raw[2:at]
	if rest[0] != wantVersion || int(rest[wantFixed-3]) != len(rest)-(wantFixed-2) {
		return nil, fmt.Errorf("%w: it is of another version", ErrCode)
	}
	s.exporter, s.bundle = slices.Clone(rest[1:1+keyPrefix]), slices.Clone(rest[1+keyPrefix:1+keyPrefix+bundlePrefix])
	s.Created = time.Unix(int64(binary.BigEndian.Uint32(rest[1+keyPrefix+bundlePrefix:])), 0).UTC()
	return s, s.setRanges(rest[wantFixed-2:])
}

// Fingerprint returns a digest of the code, by which it is known again.
func (s *SignedWant) Fingerprint() []byte {
	sum := sha256.Sum256(s.signed)
	return sum[:]
}

// Matches reports whether the code is about a bundle.
func (s *SignedWant) Matches(bundle digest.Digest) bool {
	key, err := keyOf(bundle)
	return err == nil && string(key[:bundlePrefix]) == string(s.bundle)
}

// MatchesExporter reports whether the code is for the exporter with a key.
func (s *SignedWant) MatchesExporter(fingerprint string) bool {
	key, err := keyOf(digest.Digest(fingerprint))
	return err == nil && string(key[:keyPrefix]) == string(s.exporter)
}

// Verify verifies the signature with the key of a site. The error is ErrSignature.
func (s *SignedWant) Verify(k audit.PublicKey) (*Want, error) {
	if !k.Verify(s.signed, s.signature) {
		return nil, ErrSignature
	}
	return &s.Want, nil
}
