// Package genuine fills a catalogue with data kept of the real Snap Store, for tests: recorded answers, and assertions
// that Canonical signed.
package genuine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"

	"offlinestore/assertion"
	"offlinestore/catalog"
	"offlinestore/snap"
)

// Fill imports all of realdata that a store could have imported, through package catalog, into the database of dsn. The
// .snap files are not available. In their places, blobs (a folder of package blob) gets sparse files of the same size. So
// HEAD and Range requests are answered as they should be, but a reader of such a blob finds that its digest is wrong.
func Fill(ctx context.Context, dsn, blobs, realdata string) error {
	in, err := read(realdata)
	if err != nil {
		return fmt.Errorf("read genuine data: %w", err)
	}
	for _, b := range in.Blobs {
		if err := dig(filepath.Join(blobs, "sha256", b.Digest.Encoded()), b.Size); err != nil {
			return err
		}
	}
	s, err := catalog.Open(ctx, dsn)
	if err != nil {
		return err
	}
	defer s.Close()
	_, err = s.Apply(ctx, in)
	return err
}

// dig makes a sparse file of size zeros, which takes no space.
func dig(path string, size int64) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Truncate(size), f.Close())
}

// read returns an import of the recorded conversation and of the collected chains.
func read(realdata string) (*catalog.Import, error) {
	in := &catalog.Import{
		Bundle: digest.FromString("genuine"), Name: "genuine", Signer: "nobody", SignedAt: time.Date(2022, 11, 29, 14, 0, 0, 0, time.UTC),
		Exporter: "nobody", Program: "package genuine",
	}
	answers, err := filepath.Glob(filepath.Join(realdata, "wire", "*", "*.resp.200.*.http"))
	if err != nil || len(answers) == 0 {
		return nil, fmt.Errorf("no recorded answers: %w", err)
	}
	for _, name := range answers {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		_, body, _ := bytes.Cut(text, []byte("\r\n\r\n"))
		addAnswer(in, body)
	}
	chains, err := filepath.Glob(filepath.Join(realdata, "chains", "*.assert"))
	if err != nil || len(chains) == 0 {
		return nil, fmt.Errorf("no chains of assertions: %w", err)
	}
	for _, name := range chains {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		list, err := assertion.DecodeAll(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Base(name), err)
		}
		for _, a := range list {
			addAssertion(in, a)
		}
	}
	return in, nil
}

// addAnswer adds the snaps in an answer to a device. It ignores answers about anything else.
func addAnswer(in *catalog.Import, body []byte) {
	if a, err := assertion.Decode(body); err == nil {
		addAssertion(in, a)
		return
	}
	var answer snap.RefreshResponse
	if json.Unmarshal(body, &answer) != nil {
		return // a redacted answer or a blob
	}
	for _, r := range answer.Results {
		addResult(in, &r)
	}
}

func addAssertion(in *catalog.Import, a *assertion.Assertion) {
	in.Assertions = append(in.Assertions, catalog.Assertion{
		Type: a.Type(), PrimaryKey: a.Ref().PrimaryKey, Format: a.Format(), Revision: a.Revision(), Raw: a.Raw(),
	})
}

// addResult adds a snap as an export of the requested channel would hold it.
func addResult(in *catalog.Import, r *snap.Result) {
	rev := r.Snap.Revision
	rev.Download.URL = ""
	blob := catalog.Blob{Digest: digest.FromString("hole " + rev.Download.SHA3384), Size: rev.Download.Size, SHA3384: rev.Download.SHA3384}
	s := catalog.ImportedSnap{Listing: snap.Listing{Name: r.Name, SnapID: r.SnapID, Snap: r.Snap.Details, ChannelMap: []snap.Release{{
		Architecture: "amd64", Channel: "latest/" + r.EffectiveChannel, ReleasedAt: r.ReleasedAt, Revision: rev.Number,
	}}}}
	s.Listing.Snap.Media = slices.DeleteFunc(slices.Clone(r.Snap.Media), func(m snap.Media) bool { return m.Type != "icon" })
	for i := range s.Listing.Snap.Media {
		icon := catalog.Blob{Digest: digest.FromString(r.Snap.Media[i].URL), Size: 1000}
		s.Icon = &catalog.Icon{Blob: icon.Digest, MediaType: "image/png", Size: icon.Size}
		s.Listing.Snap.Media[i].URL = ""
		in.Blobs = append(in.Blobs, icon)
	}
	in.Blobs = append(in.Blobs, blob)
	in.Snaps = append(in.Snaps, s)
	in.SnapRevisions = append(in.SnapRevisions, catalog.ImportedSnapRevision{Item: snap.Item{Name: r.Name, SnapID: r.SnapID, Revision: rev}, Blob: blob.Digest})
}
