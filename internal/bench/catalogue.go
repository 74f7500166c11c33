//go:build unix

package main

import (
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"offlinestore/catalog"
	"offlinestore/instance/pgcluster"
	"offlinestore/snap"
)

// fillCatalogue makes a store of many snaps and returns the ids of the snaps that a device has installed. It writes no
// blobs, because nothing is downloaded here.
func (b *bench) fillCatalogue(data string) ([]string, error) {
	if _, err := b.proxy(data, "enable-airgap-mode"); err != nil {
		return nil, err
	}
	cluster, err := pgcluster.Start(b.ctx, pgcluster.Options{Dir: filepath.Join(data, "postgresql")})
	if err != nil {
		return nil, err
	}
	defer cluster.Close()
	s, err := catalog.Open(b.ctx, cluster.DSN("postgres", pgcluster.Superuser))
	if err != nil {
		return nil, err
	}
	defer s.Close()
	in := &catalog.Import{Bundle: digest.FromString("bench"), Name: "bench", Signer: "bench", SignedAt: time.Now(), Program: "bench"}
	var ids []string
	for i := range catalogueSnaps {
		id := fmt.Sprintf("%032d", i)
		addToImport(in, fmt.Sprintf("snap-%d", i), id)
		if i%(catalogueSnaps/installedSnaps) == 7 {
			ids = append(ids, id)
		}
	}
	_, err = s.Apply(b.ctx, in)
	return ids, err
}

func addToImport(in *catalog.Import, name, id string) {
	sum := sha256.Sum256([]byte(id))
	d := digest.NewDigestFromBytes(digest.SHA256, sum[:])
	sha3 := fmt.Sprintf("%096x", sum)
	base, site := "core24", "https://example.com/"+name
	yaml := "name: " + name + "\nversion: '1.0'\nsummary: One of many\nbase: core24\n" + strings.Repeat("# as long as a usual snap.yaml\n", 40)
	in.Blobs = append(in.Blobs, catalog.Blob{Digest: d, Size: 1 << 20, SHA3384: sha3})
	in.Snaps = append(in.Snaps, catalog.ImportedSnap{Listing: snap.Listing{Name: name, SnapID: id,
		ChannelMap: []snap.Release{{Architecture: "amd64", Channel: "latest/stable", Revision: 1, ReleasedAt: "2026-01-02T03:04:05Z"}},
		Snap: snap.Details{Title: "Snap " + name, Summary: "One of many", Description: strings.Repeat("What it does, at usual length. ", 20),
			Website: &site, Media: []snap.Media{}, Prices: map[string]string{}, Categories: []snap.Category{{Name: "utilities"}},
			Publisher: snap.Publisher{ID: "publisher", Username: "publisher", DisplayName: "A Publisher", Validation: "unproven"}}}})
	in.SnapRevisions = append(in.SnapRevisions, catalog.ImportedSnapRevision{Blob: d, Item: snap.Item{Name: name, SnapID: id, Revision: snap.Revision{
		Architectures: []string{"amd64"}, Base: &base, CommonIDs: []string{}, Confinement: "strict", CreatedAt: "2026-01-02T03:04:05Z",
		Download: snap.Download{Deltas: []snap.Delta{}, SHA3384: sha3, Size: 1 << 20}, Number: 1, SnapYAML: yaml, Type: "app", Version: "1.0"}}})
}
