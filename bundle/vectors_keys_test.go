package bundle_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"os"
	"slices"
	"strings"
	"testing"

	"offlinestore/bundle"
	"offlinestore/internal/vectortest"
)

// addKeys adds the vectors of files with a trusted key.
func addKeys(t *testing.T, index *vectortest.Index, files vectorFiles) {
	t.Helper()
	good := string(publicOf(t, testKey()).PEM())
	add := func(name, shows, text, result string) {
		path := "pem/" + name + ".pem"
		files[path] = []byte(text)
		index.Keys = append(index.Keys, vectortest.Key{Path: path, Shows: shows, Result: result})
	}
	valid, malformed := vectortest.Valid, vectortest.Malformed
	add("crlf", "The lines end as in DOS.", strings.ReplaceAll(good, "\n", "\r\n"), valid)
	add("blank-lines", "Blank lines are around the block.", "\n\n"+good+"\r\n\n", valid)
	add("blanks", "Blanks and tabs are in the base64 and at the ends of lines.", strings.ReplaceAll(good[:40]+" \t"+good[40:], "\n", " \t\n"), valid)
	add("last-bits", "The last character of the base64 has bits that belong to no byte.", lastBits(good), valid)
	add("indented", "A blank precedes the block on its first line.", " "+good, malformed)
	add("form-feed", "A form feed precedes the block.", "\f\n"+good, malformed)
	add("text-before", "A text precedes the block.", "my key\n"+good, malformed)
	add("text-after", "A text follows the block.", good+"my key\n", malformed)
	add("two-keys", "There are two blocks.", good+good, malformed)
	add("headers", "The block has a header.", strings.Replace(good, "KEY-----\n", "KEY-----\nComment: x\n\n", 1), malformed)
	add("private-key", "The block has another label.", strings.ReplaceAll(good, "PUBLIC", "PRIVATE"), malformed)
	add("der", "The key is not in PEM.", string(derOf(t, good)), malformed)
	add("not-base64", "The block is cut off.", strings.Replace(good, "-----END", "*\n-----END", 1), malformed)
	add("trailing-byte", "A byte follows the key in the block.", pemOf(append(derOf(t, good), 0)), malformed)
	// A point of P-256 in its short form. Its DER is another one than the key's.
	short, err := hex.DecodeString("3039301306072a8648ce3d020106082a8648ce3d030107032200" + "036b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296")
	if err != nil {
		t.Fatal(err)
	}
	add("compressed-point", "The key is a point in the compressed form.", pemOf(short), malformed)
	p384 := elliptic.P384().Params()
	point := slices.Concat([]byte{4}, p384.Gx.FillBytes(make([]byte, 48)), p384.Gy.FillBytes(make([]byte, 48)))
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P384(), point)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	add("p-384", "The key is of another curve.", pemOf(raw), malformed)
}

// lastBits sets a bit of the last character of the base64 that belongs to no byte.
func lastBits(text string) string {
	at := strings.LastIndex(text, "=\n") - 1
	return text[:at] + string(text[at]+1) + text[at+1:]
}

func derOf(t *testing.T, text string) []byte {
	t.Helper()
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		t.Fatal("no PEM")
	}
	return bytes.Clone(block.Bytes)
}

func pemOf(der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// TestKeyVectors parses the files of keys.
func TestKeyVectors(t *testing.T) {
	t.Parallel()
	for _, k := range vectortest.Load(t).Keys {
		text, err := os.ReadFile(vectortest.File(k.Path))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := bundle.ParsePublicKey(text); (err == nil) != (k.Result == vectortest.Valid) {
			t.Errorf("%s: it is %s, and the program answers %v", k.Path, k.Result, err)
		}
	}
}
