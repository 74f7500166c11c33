package backup_test

import (
	"bytes"
	"crypto/rand"
	"io"
	"testing"

	"filippo.io/age"
	"github.com/opencontainers/go-digest"

	"offlinestore/instance/backup"
)

// BenchmarkBackup writes a blob as a backup does, and reads it back.
func BenchmarkBackup(b *testing.B) {
	blob := make([]byte, 64<<20)
	rand.Read(blob)
	dg := digest.FromBytes(blob)
	key, err := age.GenerateX25519Identity()
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(blob)))
	for b.Loop() {
		var out bytes.Buffer
		out.Grow(len(blob) + 1<<20)
		sealed, own, err := backup.Seal(&out, key.Recipient())
		if err != nil {
			b.Fatal(err)
		}
		w, err := backup.NewWriter(sealed, head())
		if err != nil {
			b.Fatal(err)
		}
		d := w.Database()
		if err := d.Close(); err != nil {
			b.Fatal(err)
		}
		if err := w.AddBlob(dg, int64(len(blob)), bytes.NewReader(blob)); err != nil {
			b.Fatal(err)
		}
		if _, err := w.Close(); err != nil {
			b.Fatal(err)
		}
		if err := sealed.Close(); err != nil {
			b.Fatal(err)
		}
		plain, err := backup.Decrypt(&out, own)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := backup.Read(struct{ io.Reader }{plain}, backup.Sinks{}); err != nil {
			b.Fatal(err)
		}
	}
}
