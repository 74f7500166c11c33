package bundle_test

import (
	"archive/tar"
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"hash/crc32"
	"strings"
)

// tarOf packs files with archive/tar.
func tarOf(files []*forgeFile) []byte {
	var b bytes.Buffer
	folders := false
	for _, f := range files {
		if strings.HasPrefix(f.name, "blobs/") && !folders {
			b.Write(foldersOf())
			folders = true
		}
		if f.raw != nil {
			b.Write(f.raw)
			continue
		}
		w := tar.NewWriter(&b)
		h := &tar.Header{Name: f.name, Size: int64(len(f.data)), Mode: 0o644, Typeflag: tar.TypeReg, Format: tar.FormatUSTAR}
		if f.edit != nil {
			f.edit(h)
		}
		if err := w.WriteHeader(h); err != nil {
			panic(err)
		}
		b.Write(f.data)
		b.Write(make([]byte, -len(f.data)&511))
	}
	b.Write(make([]byte, 1024))
	return b.Bytes()
}

// foldersOf returns the two folders that come before the first blob.
func foldersOf() []byte {
	var b bytes.Buffer
	for _, name := range []string{"blobs/", "blobs/sha256/"} {
		if err := tar.NewWriter(&b).WriteHeader(&tar.Header{Name: name, Mode: 0o755, Typeflag: tar.TypeDir, Format: tar.FormatUSTAR}); err != nil {
			panic(err)
		}
	}
	return b.Bytes()
}

// gzipOf frames b in stored blocks.
func gzipOf(b []byte) []byte {
	out := []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255}
	crc, size := crc32.ChecksumIEEE(b), uint32(len(b))
	for first := true; first || len(b) > 0; first = false {
		n := min(len(b), 65535)
		var final byte
		if n == len(b) {
			final = 1
		}
		out = append(out, final)
		out = binary.LittleEndian.AppendUint16(out, uint16(n))
		out = binary.LittleEndian.AppendUint16(out, ^uint16(n))
		out = append(out, b[:n]...)
		b = b[n:]
	}
	return binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(out, crc), size)
}

// signatureOf returns the key's signature of message. The signature is deterministic.
func signatureOf(key crypto.Signer, message []byte) []byte {
	sum := sha256.Sum256(message)
	sig, err := key.Sign(nil, sum[:], crypto.SHA256)
	if _, ok := key.(ed25519.PrivateKey); ok {
		sig, err = key.Sign(nil, message, crypto.Hash(0))
	}
	if err != nil {
		panic(err)
	}
	return sig
}
