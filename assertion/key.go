package assertion

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha3"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// The sizes of accepted RSA keys, in bits. Canonical's root has the largest. Go verifies no key below the smallest. Without the
// upper limit, verifying a hostile device key could take seconds.
const (
	minKeyBits = 1024
	maxKeyBits = 8192
)

// armourVersion is the byte before the OpenPGP packet in keys and signatures.
const armourVersion = 0x01

const digestLen = 48 // SHA3-384

// keyCreated is the creation time in every public key's packet. It is fixed, so that a key has only one identifier.
var keyCreated = time.Date(2016, 1, 1, 0, 0, 0, 0, time.UTC)

// publicKey is an RSA key with its identifier.
type publicKey struct {
	packet *packet.PublicKey
	id     string
}

// DigestHeader returns a SHA3-384 digest in the form of headers.
func DigestHeader(sum []byte) string { return base64.RawURLEncoding.EncodeToString(sum) }

// ParseDigestHeader parses a SHA3-384 digest in the form of headers.
func ParseDigestHeader(s string) ([]byte, error) {
	sum, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(sum) != digestLen || DigestHeader(sum) != s {
		return nil, fmt.Errorf("%.80q: not a SHA3-384 digest", s)
	}
	return sum, nil
}

// KeyID returns the identifier of a public key in assertions.
func KeyID(pub *rsa.PublicKey) (string, error) {
	raw, err := marshalKey(pub)
	if err != nil {
		return "", err
	}
	return keyID(raw), nil
}

func keyID(raw []byte) string {
	sum := sha3.Sum384(raw)
	return DigestHeader(sum[:])
}

// marshalKey returns the bytes that the text of a public key encodes. Their digest is the key's identifier.
func marshalKey(pub *rsa.PublicKey) ([]byte, error) {
	if bits := pub.N.BitLen(); bits < minKeyBits || bits > maxKeyBits {
		return nil, fmt.Errorf("RSA key of %d bits: want %d to %d", bits, minKeyBits, maxKeyBits)
	}
	var b bytes.Buffer
	b.WriteByte(armourVersion)
	if err := packet.NewRSAPublicKey(keyCreated, pub).Serialize(&b); err != nil {
		return nil, fmt.Errorf("encode public key: %w", err)
	}
	return b.Bytes(), nil
}

// parsePublicKey parses the text of a public key. Only the one encoding that marshalKey makes is accepted.
func parsePublicKey(text []byte) (*publicKey, error) {
	raw, p, err := readPacket(text)
	if err != nil {
		return nil, err
	}
	pk, ok := p.(*packet.PublicKey)
	if !ok || pk.IsSubkey {
		return nil, errors.New("not an OpenPGP public key")
	}
	pub, ok := pk.PublicKey.(*rsa.PublicKey)
	if !ok || pk.PubKeyAlgo != packet.PubKeyAlgoRSA {
		return nil, errors.New("not an RSA key")
	}
	canonical, err := marshalKey(pub)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(raw, canonical) {
		return nil, errors.New("public key is not in its canonical encoding")
	}
	return &publicKey{packet: pk, id: keyID(raw)}, nil
}

// verifySignature verifies a signature over content. The signature is text.
func (k *publicKey) verifySignature(content, signature []byte) error {
	_, p, err := readPacket(signature)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrBadSignature, err)
	}
	sig, ok := p.(*packet.Signature)
	if !ok || sig.Version != 4 || sig.SigType != packet.SigTypeBinary || sig.PubKeyAlgo != packet.PubKeyAlgoRSA || sig.Hash != crypto.SHA512 {
		return fmt.Errorf("%w: not an OpenPGP v4 RSA signature with SHA-512", ErrBadSignature)
	}
	h, err := sig.PrepareVerify()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrBadSignature, err)
	}
	h.Write(content)
	h.Write(sig.HashSuffix)
	digest := h.Sum(nil)
	if !bytes.Equal(digest[:len(sig.HashTag)], sig.HashTag[:]) {
		return fmt.Errorf("%w: it is for other content", ErrBadSignature) // devices compare it, too
	}
	if err := verifyRSA(k.packet.PublicKey.(*rsa.PublicKey), digest, sig.RSASignature.Bytes()); err != nil {
		return fmt.Errorf("%w: %w", ErrBadSignature, err)
	}
	return nil
}

// readPacket decodes base64 text with the version byte and exactly one OpenPGP packet in it.
func readPacket(text []byte) (raw []byte, p packet.Packet, err error) {
	raw = make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Decode(raw, text)
	if err != nil {
		return nil, nil, err
	}
	raw = raw[:n]
	if n == 0 || raw[0] != armourVersion {
		return nil, nil, errors.New("no version byte")
	}
	r := bytes.NewReader(raw[1:])
	if p, err = packet.Read(r); err != nil {
		return nil, nil, err
	}
	if r.Len() != 0 {
		return nil, nil, errors.New("data after the packet")
	}
	return raw, p, nil
}

// appendArmour appends base64 in lines of 76 characters, without a newline at its end.
func appendArmour(b, raw []byte) []byte {
	const width = 76
	text := base64.StdEncoding.AppendEncode(nil, raw)
	for len(text) > width {
		b = append(append(b, text[:width]...), '\n')
		text = text[width:]
	}
	return append(b, text...)
}

// DeviceKey returns the public key of the device in a serial or serial-request.
func DeviceKey(a *Assertion) (*rsa.PublicKey, error) {
	key, err := parsePublicKey([]byte(a.HeaderString("device-key")))
	if err != nil {
		return nil, fmt.Errorf("device key of %s: %w", a.ref, err)
	}
	return key.packet.PublicKey.(*rsa.PublicKey), nil
}

// VerifyDeviceSignature verifies that an assertion without authority (a device-session-request, a serial-request) was signed with
// the device's key. The caller must know whether this key belongs to a known device.
func VerifyDeviceSignature(a *Assertion, device *rsa.PublicKey) error {
	if !a.known || !a.typ.NoAuthority {
		return &VerifyError{Ref: a.Ref(), Err: fmt.Errorf("%w: not signed by a device", ErrUnsupported)}
	}
	raw, err := marshalKey(device)
	if err != nil {
		return &VerifyError{Ref: a.Ref(), Err: err}
	}
	if id := keyID(raw); id != a.SignKeyID() {
		return &VerifyError{Ref: a.Ref(), Err: fmt.Errorf("%w: signed with key %s, the device's is %s", ErrMismatch, a.SignKeyID(), id)}
	}
	key := publicKey{packet: packet.NewRSAPublicKey(keyCreated, device)}
	if err := key.verifySignature(a.content, a.signature); err != nil {
		return &VerifyError{Ref: a.Ref(), Err: err}
	}
	return nil
}
