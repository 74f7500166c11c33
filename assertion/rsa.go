package assertion

import (
	"bytes"
	"crypto/rsa"
	"crypto/sha512"
	"errors"
	"fmt"
	"math/big"
)

// digestInfo is the start of the ASN.1 value that holds a SHA-512 digest in a signature (RFC 8017, section 9.2).
const digestInfo = "\x30\x51\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00\x04\x40"

var errRSA = errors.New("RSA: verification error")

// verifyRSA verifies a PKCS #1 v1.5 signature over a SHA-512 digest. It compares the signed message with the only correct one, and parses nothing of
// it. crypto/rsa takes three times as long, because it computes in constant time. Nothing in a verification is secret.
func verifyRSA(pub *rsa.PublicKey, digest, signature []byte) error {
	n, size := pub.N, pub.Size()
	if n.Sign() <= 0 || n.Bit(0) == 0 || pub.E < 3 || pub.E&1 == 0 {
		return fmt.Errorf("RSA key with exponent %d: not valid", pub.E)
	}
	s := new(big.Int).SetBytes(signature)
	if len(digest) != sha512.Size || len(signature) > size || s.Cmp(n) >= 0 || size < len(digestInfo)+sha512.Size+11 {
		return errRSA
	}
	message := make([]byte, size)
	message[1] = 1
	info := size - sha512.Size - len(digestInfo)
	for i := 2; i < info-1; i++ {
		message[i] = 0xff
	}
	copy(message[info:], digestInfo)
	copy(message[info+len(digestInfo):], digest)
	if !bytes.Equal(power(s, pub.E, n).FillBytes(make([]byte, size)), message) {
		return errRSA
	}
	return nil
}

// power returns s to the power of e, modulo n. [big.Int.Exp] is slower, because it is made for large exponents.
func power(s *big.Int, e int, n *big.Int) *big.Int {
	var product, quotient, result big.Int
	result.Set(s)
	bits := big.NewInt(int64(e))
	for i := bits.BitLen() - 2; i >= 0; i-- {
		product.Mul(&result, &result)
		quotient.QuoRem(&product, n, &result)
		if bits.Bit(i) == 1 {
			product.Mul(&result, s)
			quotient.QuoRem(&product, n, &result)
		}
	}
	return &result
}
