package assertion_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha512"
	"math/big"
	"slices"
	"testing"

	"offlinestore/assertion"
	"offlinestore/internal/assertiontest"
)

// TestVerifyRSA compares verifyRSA with crypto/rsa: for good signatures, and for altered ones, keys and digests.
func TestVerifyRSA(t *testing.T) {
	t.Parallel()
	keys := make(map[string]*rsa.PrivateKey)
	var err error
	for name, bits := range map[string]int{"1024": 1024, "1031": 1031, "2048": 2048} {
		if keys[name], err = rsa.GenerateKey(rand.Reader, bits); err != nil {
			t.Fatal(err)
		}
	}
	if keys["4096"], err = assertiontest.PrivateKey("device"); err != nil {
		t.Fatal(err)
	}
	for name, key := range keys {
		digest := sha512.Sum512([]byte(name))
		good, err := rsa.SignPKCS1v15(nil, key, crypto.SHA512, digest[:])
		if err != nil {
			t.Fatal(err)
		}
		compare := func(what string, pub *rsa.PublicKey, digest, signature []byte) {
			t.Helper()
			padded := append(make([]byte, max(0, pub.Size()-len(signature))), signature...)
			want := rsa.VerifyPKCS1v15(pub, crypto.SHA512, digest, padded)
			if got := assertion.VerifyRSA(pub, digest, signature); (got == nil) != (want == nil) {
				t.Errorf("key %s, %s: %v, and crypto/rsa has %v", name, what, got, want)
			}
		}
		compare("good", &key.PublicKey, digest[:], good)
		if err := assertion.VerifyRSA(&key.PublicKey, digest[:], good); err != nil {
			t.Errorf("key %s: %v", name, err)
		}
		for i := range 8 * len(good) {
			bad := slices.Clone(good)
			bad[i/8] ^= 1 << (i % 8)
			if err := assertion.VerifyRSA(&key.PublicKey, digest[:], bad); err == nil {
				t.Errorf("key %s: verified with bit %d flipped", name, i)
			}
		}
		s := new(big.Int).SetBytes(good)
		raised := new(big.Int).Add(s, key.N).Bytes()
		for what, signature := range map[string][]byte{"empty": {}, "one": {1}, "cut off": good[1:], "longer": append([]byte{0}, good...), "raised by n": raised,
			"negated": new(big.Int).Sub(key.N, s).FillBytes(make([]byte, key.Size()))} {
			compare(what, &key.PublicKey, digest[:], signature)
		}
		other := sha512.Sum512([]byte("another"))
		compare("another digest", &key.PublicKey, other[:], good)
		compare("a short digest", &key.PublicKey, digest[:40], good)
		for _, e := range []int{-1, 0, 1, 2, 3, 65536, 65539} {
			compare("another exponent", &rsa.PublicKey{N: key.N, E: e}, digest[:], good)
		}
		compare("an even modulus", &rsa.PublicKey{N: new(big.Int).Lsh(key.N, 1), E: key.E}, digest[:], good)
		compare("another hash", &key.PublicKey, digest[:], sign256(t, key, digest[:32]))
	}
}

func sign256(t *testing.T, key *rsa.PrivateKey, digest []byte) []byte {
	t.Helper()
	signature, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest)
	if err != nil {
		t.Fatal(err)
	}
	return signature
}
