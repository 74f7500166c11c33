package assertion

import "crypto/rsa"

// VerifyRSA verifies a signature over a digest.
func VerifyRSA(pub *rsa.PublicKey, digest, signature []byte) error {
	return verifyRSA(pub, digest, signature)
}
