package bundletest

import (
	"cmp"
	"context"
	"encoding/hex"
	"slices"
	"testing"

	"github.com/opencontainers/go-digest"

	"offlinestore/blob"
	"offlinestore/catalog"
)

// Migrate makes the tables of the catalogue. It is a template for pgtest.NewFrom.
func Migrate(dsn string) error {
	s, err := catalog.Open(context.Background(), dsn)
	if err != nil {
		return err
	}
	s.Close()
	return nil
}

// Served returns everything that a store serves. It fails the test unless each blob of the catalogue is there and has its
// digests.
func Served(tb testing.TB, dsn, blobs string) *catalog.Snapshot {
	tb.Helper()
	r, err := catalog.OpenReader(tb.Context(), dsn)
	if err != nil {
		tb.Fatal(err)
	}
	defer r.Close()
	c, err := r.LoadSnapshot(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	d, err := blob.Open(blobs)
	if err != nil {
		tb.Fatal(err)
	}
	want := make(map[digest.Digest]string)
	for _, s := range c.Snaps {
		if s.Icon != nil {
			want[s.Icon.Blob] = ""
		}
		for _, rev := range s.Revisions {
			want[rev.Blob] = rev.Download.SHA3384
			for _, c := range rev.OlderComponents {
				want[c.Blob] = ""
			}
			for i, dg := range rev.ResourceBlobs {
				want[dg] = rev.Resources[i].Download.SHA3384
			}
		}
	}
	addCharmBlobs(want, c)
	checkBlobs(tb, d, want)
	slices.SortFunc(c.Assertions, func(a, b catalog.Assertion) int {
		return cmp.Or(cmp.Compare(a.Type, b.Type), slices.Compare(a.PrimaryKey, b.PrimaryKey), cmp.Compare(a.Format, b.Format))
	})
	return c
}

// addCharmBlobs adds the archives, files and images of charms. A blob that also belongs to a snap keeps its SHA3-384.
func addCharmBlobs(want map[digest.Digest]string, c *catalog.Snapshot) {
	add := func(dg digest.Digest) {
		if _, ok := want[dg]; !ok && dg != "" {
			want[dg] = ""
		}
	}
	for _, ch := range c.Charms {
		if ch.Icon != nil {
			add(ch.Icon.Blob)
		}
		for _, rev := range ch.Revisions {
			add(rev.Blob)
		}
		for _, res := range ch.Resources {
			add(res.Blob)
		}
	}
	for _, image := range c.Images {
		add(image.Digest)
		for _, b := range image.Blobs {
			add(b.Digest)
		}
	}
}

// checkBlobs hashes all blobs. The values of want are SHA3-384 digests, or "" if the catalogue has none.
func checkBlobs(tb testing.TB, d *blob.Dir, want map[digest.Digest]string) {
	tb.Helper()
	h := blob.NewHasher(0)
	for dg, sha3 := range want {
		f, err := d.OpenBlob(dg)
		if err != nil {
			tb.Errorf("a blob of the catalogue: %v", err)
			continue
		}
		info, err := f.Stat()
		if err != nil {
			tb.Fatal(err)
		}
		err = h.Submit(tb.Context(), blob.Job{Reader: f, Size: info.Size(), SHA256: true, Done: func(sum blob.Sum, err error) {
			defer f.Close()
			if err != nil {
				tb.Errorf("hash %s: %v", dg, err)
				return
			}
			if got := hex.EncodeToString(sum.SHA256[:]); got != dg.Encoded() {
				tb.Errorf("served blob %s has the SHA-256 %s", dg, got)
			}
			if got := hex.EncodeToString(sum.SHA3_384[:]); got != sha3 && sha3 != "" {
				tb.Errorf("served blob %s has the SHA3-384 %s, want %s", dg, got, sha3)
			}
		}})
		if err != nil {
			tb.Fatal(err)
		}
	}
	h.Close()
}
