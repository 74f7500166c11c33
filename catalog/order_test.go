package catalog_test

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/opencontainers/go-digest"

	"offlinestore/catalog"
	"offlinestore/charm"
	"offlinestore/snap"
)

// TestAnyOrderMakesTheSameCatalogue pushes random bundles, many of them signed within one second. The order of the pushes may
// affect only the releases in the history.
func TestAnyOrderMakesTheSameCatalogue(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			var want *catalog.Snapshot
			orders := rand.New(rand.NewPCG(seed, 99))
			for range 4 {
				bundles := randomImports(seed)
				order := orders.Perm(len(bundles))
				s, _ := open(t)
				for _, i := range order {
					apply(t, s, bundles[i])
				}
				got := content(t, s)
				for i := range got.Charms {
					got.Charms[i].History = nil
				}
				for i := range got.Snaps {
					got.Snaps[i].History, got.Snaps[i].Imported = nil, nil
				}
				if want == nil {
					want = got
				}
				diff(t, fmt.Sprintf("pushed in order %v", order), got, want)
			}
		})
	}
}

// randomImports makes bundles of the same few charms, snaps and images, which contradict each other in every permitted way.
func randomImports(seed uint64) []*catalog.Import {
	r := rand.New(rand.NewPCG(seed, seed))
	var out []*catalog.Import
	for n := range 5 {
		in := imp(fmt.Sprintf("bundle %d", n), r.IntN(2))
		in.Sequence, in.Signer = uint64(n), []string{"sha256:aa", "sha256:bb", catalog.Unsigned}[r.IntN(3)]
		for _, name := range []string{"pg", "kafka"} {
			withCharm(in, name, []int{1, 2}, fmt.Sprintf("latest/stable%s=%d,file:%d,image:1", jammy, r.IntN(3), r.IntN(2)), fmt.Sprintf("%d/edge%s=1", r.IntN(2), jammy))
			c := &in.Charms[len(in.Charms)-1]
			c.DefaultTrack = []string{"latest", "14"}[r.IntN(2)]
			switch r.IntN(3) {
			case 0:
				c.Unknown = []string{charm.UnknownIcon}
			case 1:
				icon := catalog.Blob{Digest: digest.FromString(in.Name), Size: int64(n)}
				in.Blobs = append(in.Blobs, icon)
				c.Icon = &catalog.Icon{Blob: icon.Digest, MediaType: "image/png", Size: icon.Size}
			}
			withImage(withFile(withFile(in, name, "file", 0), name, "file", 1), name, "image", 1, "charm/"+fmt.Sprint(name, n))
			for i := range in.CharmRevisions {
				in.CharmRevisions[i].Revision.Version = in.Name
			}
		}
		with(in, "jq", []int{1}, fmt.Sprintf("latest/stable/amd64=%d", r.IntN(2)))
		if jq := &in.Snaps[len(in.Snaps)-1]; r.IntN(2) == 0 {
			jq.Unknown = []string{snap.UnknownIcon}
		} else {
			icon := catalog.Blob{Digest: digest.FromString("snap " + in.Name), Size: int64(n)}
			in.Blobs = append(in.Blobs, icon)
			jq.Icon = &catalog.Icon{Blob: icon.Digest, MediaType: "image/png", Size: icon.Size}
		}
		withManifest(withManifest(withIndex(in, "image", []string{"amd64", "arm64"}[r.IntN(2)]), "amd64", "layer"), "arm64", "layer")
		for i := range in.Images {
			if r.IntN(2) == 0 && in.Images[i].Blobs != nil {
				in.Images[i].MediaType = "application/vnd.docker.distribution.manifest.v2+json"
			}
		}
		slices.SortFunc(in.Images, func(a, b catalog.Image) int { return cmp.Compare(a.Digest, b.Digest) })
		out = append(out, in)
	}
	return out
}

// TestOneIDUnderTwoNames shows that an ID under two names is refused. It would leave one of the names without a row, and its
// revisions under the other name.
func TestOneIDUnderTwoNames(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	in := withCharm(withCharm(imp("a", 0), "pg", []int{1}), "kafka", nil)
	in.Charms[1].ID = in.Charms[0].ID
	_, err := s.Apply(t.Context(), in)
	var conflict *catalog.ConflictError
	if !errors.As(err, &conflict) || conflict.What != "charm-id "+snapID("pg") {
		t.Errorf("Apply = %v, want a ConflictError about the ID", err)
	}
}
