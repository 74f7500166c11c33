package importer_test

import (
	"context"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/opencontainers/go-digest"

	"offlinestore/assertion"
	"offlinestore/bundle"
	"offlinestore/catalog"
	"offlinestore/importer"
	"offlinestore/internal/assertiontest"
	"offlinestore/internal/bundletest"
	"offlinestore/snap"
)

// sample returns a bundle with two snaps, a component, an icon, and a blob that two revisions share.
func sample(t *testing.T) *bundletest.Bundle {
	t.Helper()
	b := bundletest.New(t, 1)
	shared := b.Blob("shared", 700)
	b.AddSnap("jq", snap.Release{Architecture: "amd64", Channel: "latest/stable", Revision: 6}, snap.Release{Architecture: "amd64", Channel: "latest/edge"}).
		Icon = &bundle.Icon{MediaType: "image/png", Data: []byte("\x89PNG picture")}
	b.AddRevision("jq", 6, b.Blob("jq_6", 3000), shared)
	b.AddRevision("jq", 5, b.Blob("jq_5", 2000), shared)
	return b.Add("hello", 1, 1500)
}

func TestImport(t *testing.T) {
	t.Parallel()
	for _, c := range []bundle.Compression{bundle.Gzip, bundle.Zstd, bundle.None} {
		t.Run(string(c), func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			packed := sample(t).Tar(c)
			want := &catalog.Report{
				SnapRevisions: []catalog.SnapRevisionRef{{Snap: "hello", Revision: 1, Size: 1500}, {Snap: "jq", Revision: 5, Size: 2000}, {Snap: "jq", Revision: 6, Size: 3000}},
				SnapMoves: []catalog.SnapMove{{Snap: "hello", Architecture: "amd64", Channel: "latest/stable", From: -1, To: 1},
					{Snap: "jq", Architecture: "amd64", Channel: "latest/edge", From: -1},
					{Snap: "jq", Architecture: "amd64", Channel: "latest/stable", From: -1, To: 6}},
				Assertions: 9, // the store's key, 2 declarations, 3 snap-revisions, 2 pairs of a resource's two
			}
			byName := cmpopts.SortSlices(func(a, b catalog.SnapMove) bool { return a.Snap+a.Channel < b.Snap+b.Channel })
			if diff := cmp.Diff(want, s.mustPush(packed), byName); diff != "" {
				t.Errorf("Apply (-want +got):\n%s", diff)
			}
			if got := s.served(); len(got.Snaps) != 2 || len(got.Snaps[1].Revisions) != 2 {
				t.Errorf("serves %+v, want hello, and jq with two revisions", got.Snaps)
			}
		})
	}
}

func TestImported(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	packed := sample(t).Tar(bundle.None)
	done := func() bool { return s.upToDate(packed) }
	if done() {
		t.Error("UpToDate = true before the import")
	}
	s.mustPush(packed)
	if !done() {
		t.Error("UpToDate = false after the import")
	}
	// Each blob that is removed is missed, also the icon's, and a second push brings it back.
	for dg, name := range map[digest.Digest]string{
		sample(t).Blob("jq_6", 3000).Digest: "a snap", sample(t).Blob("shared", 700).Digest: "a component", digest.FromString("\x89PNG picture"): "an icon",
	} {
		if _, err := s.Blobs.Quarantine(t.Context(), dg); err != nil {
			t.Fatal(err)
		}
		if done() {
			t.Errorf("UpToDate = true without %s", name)
		}
		if r := s.mustPush(packed); !r.AlreadyImported || len(r.SnapRevisions)+len(r.SnapMoves) > 0 {
			t.Errorf("push that repairs %s: %+v, want it to be known", name, r)
		}
		if !done() {
			t.Errorf("UpToDate = false after %s was brought back", name)
		}
	}
	s.served()
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.mustPush(sample(t).Tar(bundle.None))
	before := s.served()
	for name, c := range map[string]struct {
		edit func(*bundletest.Bundle)
		want string
	}{
		"unknown signer": {func(b *bundletest.Bundle) { b.Key = bundletest.Key("stranger") }, bundletest.Public(t, bundletest.Key("stranger")).ID()},
		"other size":     {func(b *bundletest.Bundle) { b.SignRevision(b.Revisions[0], assertiontest.Headers{"snap-size": "8"}) }, "snap-size"},
		"other revision": {func(b *bundletest.Bundle) {
			b.SignRevision(b.Revisions[0], assertiontest.Headers{"snap-revision": "8"})
		}, "snap-revision"},
		"other snap": {func(b *bundletest.Bundle) {
			b.SignRevision(b.Revisions[0], assertiontest.Headers{"snap-id": strings.Repeat("a", 32)})
		}, "which is missing"},
		"other publisher":    {func(b *bundletest.Bundle) { b.Snaps[0].Snap.Publisher.ID = "somebody" }, "publisher-id"},
		"no snap-revision":   {func(b *bundletest.Bundle) { b.Revisions[0].Assertions = b.Stream() }, "snap-revision"},
		"no declaration":     {func(b *bundletest.Bundle) { b.Snaps[0].Assertions = b.Stream() }, "snap-declaration"},
		"garbage assertions": {func(b *bundletest.Bundle) { b.Snaps[0].Assertions = []byte("type: account\n") }, "assertions"},
		"other digest": {func(b *bundletest.Bundle) {
			r := b.Revisions[0]
			r.Blob = b.Blob("other", r.Blob.Size)
			r.Revision.Download.SHA3384 = digestOf(r.Blob)
		}, "no snap-revision for its digest"},
		"altered assertion": {func(b *bundletest.Bundle) {
			b.Snaps[0].Assertions = []byte(strings.Replace(string(b.Snaps[0].Assertions), "snap-name: new", "snap-name: jq\nx: y", 1))
		}, "signature"},
		"a device's assertion": {func(b *bundletest.Bundle) {
			b.Snaps[0].Assertions = append(append(b.Snaps[0].Assertions, '\n'),
				assertiontest.DeviceSessionRequest("brand", "m", "s", "n", assertiontest.DeviceKey(), nil).Raw()...)
		}, "device"},
	} {
		b := bundletest.New(t, 2).Add("new", 1, 100)
		c.edit(b)
		_, err := s.open(b.Tar(bundle.None))
		if !isRefusal(err) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: Open = %v, want a refusal that names %q", name, err, c.want)
		}
	}
	s.serves(before)
}

func digestOf(b bundle.Blob) string { return hex.EncodeToString(b.SHA3384[:]) }

func TestOpenRefusesChains(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := bundletest.New(t, 2)
	b.Stack = bundletest.UntrustedStack(t)
	_, err := s.open(b.Add("new", 1, 100).Tar(bundle.None))
	if !errors.Is(err, assertion.ErrUntrustedRoot) {
		t.Errorf("a root that is not trusted: Open = %v, want ErrUntrustedRoot", err)
	}
	b = bundletest.New(t, 2)
	b.ExpireStoreKey()
	_, err = s.open(b.Add("new", 1, 100).Tar(bundle.None))
	if !errors.Is(err, assertion.ErrExpiredKey) {
		t.Errorf("a key that had expired when the bundle was signed: Open = %v, want ErrExpiredKey", err)
	}
}

func TestClock(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	created := assertiontest.Time().Add(24 * time.Hour)
	packed := bundletest.New(t, 1).Add("new", 1, 100).Tar(bundle.None)
	for _, c := range []struct {
		ahead    time.Duration
		accept   bool
		warnings int
		refused  bool
	}{
		{-1000 * time.Hour, false, 0, false},
		{importer.ClockSkew, false, 0, false},
		{importer.ClockSkew + time.Second, false, 1, false},
		{importer.MaxFuture, false, 1, false},
		{importer.MaxFuture + time.Second, false, 0, true},
		{importer.MaxFuture + time.Second, true, 1, false},
	} {
		s.Now = func() time.Time { return created.Add(-c.ahead) }
		s.AcceptTime = c.accept
		o, err := s.open(packed)
		if errors.Is(err, importer.ErrFuture) != c.refused || !c.refused && err != nil {
			t.Errorf("signed %s ahead, accept %v: Open = %v, want refused: %v", c.ahead, c.accept, err, c.refused)
		}
		if err == nil && len(o.Warnings) != c.warnings {
			t.Errorf("signed %s ahead: warnings %q, want %d", c.ahead, o.Warnings, c.warnings)
		}
		if err == nil {
			must(t, o.Close())
		}
	}
}

// TestSeveralAtOnce imports bundles that share snaps and blobs from several goroutines.
func TestSeveralAtOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	packed := [][]byte{
		sample(t).Tar(bundle.None), sample(t).Tar(bundle.Gzip), bundletest.New(t, 2).Add("jq", 7, 900).Tar(bundle.None),
		bundletest.New(t, 3).Add("jq", 8, 900).Add("hello", 2, 5).Tar(bundle.None), bundletest.New(t, 4).Add("hello", 1, 1500).Tar(bundle.None),
	}
	var wg sync.WaitGroup
	for _, p := range packed {
		wg.Go(func() {
			if _, err := s.push(p); err != nil {
				t.Errorf("push: %v", err)
			}
		})
	}
	wg.Wait()
	if got := channelMap(s.served(), "jq")["latest/stable"]; got != 8 {
		t.Errorf("jq's latest/stable is %d, want 8", got)
	}
	if got := channelMap(s.served(), "hello")["latest/stable"]; got != 1 {
		t.Errorf("hello's latest/stable is %d, want 1, which the newest bundle says", got)
	}
}

func channelMap(c *catalog.Snapshot, name string) map[string]int {
	out := make(map[string]int)
	for _, s := range c.Snaps {
		for _, r := range s.ChannelMap {
			if s.Name == name {
				out[r.Channel] = r.Revision
			}
		}
	}
	return out
}

func TestInterrupted(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	before := s.served()
	b := bundletest.New(t, 1).Add("first", 1, 300<<10).Add("second", 1, 900<<10)
	packed := b.Tar(bundle.None)
	o, err := s.open(packed)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("stopped")
	read := int64(0)
	_, err = s.Verify(ctx, o, func(n int64) {
		if read += n; read > 600<<10 {
			cancel(stop)
		}
	})
	if !errors.Is(err, stop) {
		t.Errorf("Verify = %v, want it to end with the cause of its context", err)
	}
	s.serves(before)
	// A caller whose context ends after everything was read gets no value to apply.
	again, err := s.open(packed)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	ctx, cancel = context.WithCancelCause(t.Context())
	staging, err := s.Verify(ctx, again, nil)
	if err != nil {
		t.Fatal(err)
	}
	cancel(stop)
	if v, err := staging.Wait(); !errors.Is(err, stop) && !errors.Is(err, context.Canceled) {
		t.Errorf("Wait = %v, %v after its context was cancelled, want an error that says so", v, err)
	}
	s.serves(before)
	must(t, s.Blobs.Close())
	if entries, err := os.ReadDir(filepath.Join(s.blobs, ".staging")); err == nil {
		t.Errorf("%d entries are left in staging", len(entries))
	}
	s.mustPush(packed)
	if n := len(s.served().Snaps); n != 2 {
		t.Errorf("%d snaps after the second push, want 2", n)
	}
}
