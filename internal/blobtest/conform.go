// Package blobtest holds the test that every [blob.Backend] passes.
package blobtest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"offlinestore/blob"
)

// Site is a backend to test, with the means to harm it.
type Site struct {
	blob.Backend
	// Overwrite replaces the content of a blob behind the backend's back.
	Overwrite func(dg blob.Digest, content []byte)
	// Break makes writing fail until repair is called.
	Break func() (repair func())
}

// Conform tests a backend. open returns an empty one.
func Conform(t *testing.T, open func(*testing.T) *Site) {
	for name, test := range map[string]func(*testing.T, *bench){
		"content": content, "parts of content": ranges, "absence": absence, "lists": lists, "quarantine": quarantine, "intact": intact,
		"repair by publishing": heals, "shorter than announced": short, "broken writes": broken, "same blob at once": concurrent,
		"invalid digests": invalid, "end of the context": ended,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, err := blob.Open(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { dir.Close() })
			s := open(t)
			test(t, &bench{t, s, dir.StorageIn(blob.Places{Backend: s.Backend})})
		})
	}
}

// Sizes around the borders of blocks and parts.
var sizes = []int{0, 1, 4096, 256<<10 + 1, 16 << 20, 16<<20 + 1, 33 << 20}

func content(t *testing.T, b *bench) {
	var all [][]byte
	for i, size := range sizes {
		all = append(all, Random(byte(i), size))
	}
	b.mustPublish(all...)
	b.serves(all...)
	for _, c := range all {
		if info, err := b.Stat(t.Context(), digest.FromBytes(c)); err != nil || info.Size != int64(len(c)) || info.Digest != digest.FromBytes(c) {
			t.Errorf("Stat() = %+v, %v, want %d bytes", info, err, len(c))
		}
	}
}

func ranges(t *testing.T, b *bench) {
	c := Random(1, 1<<20)
	b.mustPublish(c)
	r, _, err := b.Open(t.Context(), digest.FromBytes(c))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if n, err := r.Seek(0, io.SeekEnd); n != 1<<20 || err != nil {
		t.Errorf("Seek to the end = %d, %v", n, err)
	}
	for _, at := range []int64{0, 700_000, 1, 1<<20 - 1, 65536} {
		if _, err := r.Seek(at, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(io.LimitReader(r, 1000))
		if want := c[at:min(at+1000, 1<<20)]; err != nil || !bytes.Equal(got, want) {
			t.Errorf("reading at %d: %v, or other content", at, err)
		}
		buf := make([]byte, 100_000)
		n, err := r.ReadAt(buf, at)
		want := c[at:min(at+100_000, 1<<20)]
		if !bytes.Equal(buf[:n], want) || (err == nil) != (n == len(buf)) || err != nil && err != io.EOF {
			t.Errorf("ReadAt %d: %d, %v, or other content", at, n, err)
		}
	}
	if n, err := r.ReadAt(make([]byte, 1), 1<<20); n != 0 || err != io.EOF {
		t.Errorf("ReadAt the end: %d, %v", n, err)
	}
}

func absence(t *testing.T, b *bench) {
	b.lacks(digest.FromString("absent"))
	c := []byte("content")
	b.mustPublish(c)
	if err := b.Remove(t.Context(), blob.Served, digest.FromBytes(c)); err != nil {
		t.Error(err)
	}
	b.lacks(digest.FromBytes(c))
	b.mustPublish(c)
	b.serves(c)
}

func lists(t *testing.T, b *bench) {
	if got := b.list(blob.Served); len(got) != 0 {
		t.Errorf("a new backend has %v", got)
	}
	var want []blob.Digest
	var all [][]byte
	for i := range 20 {
		c := []byte{byte(i)}
		all, want = append(all, c), append(want, digest.FromBytes(c))
	}
	b.mustPublish(all...)
	slices.Sort(want)
	if diff := cmp.Diff(want, b.list(blob.Served)); diff != "" {
		t.Errorf("List (-want +got):\n%s", diff)
	}
	stop := errors.New("stop")
	if err := b.List(t.Context(), blob.Served, func(blob.Info) error { return stop }); err != stop {
		t.Errorf("List() = %v, want the callback's error", err)
	}
}

func quarantine(t *testing.T, b *bench) {
	c, other := Random(1, 1000), []byte("other")
	dg := digest.FromBytes(c)
	b.mustPublish(c, other)
	b.Overwrite(dg, Random(2, 1000))
	place, err := b.Quarantine(t.Context(), dg)
	if err != nil || place == "" {
		t.Fatalf("Quarantine() = %q, %v", place, err)
	}
	if diff := cmp.Diff([]blob.Digest{digest.FromBytes(other)}, b.list(blob.Served)); diff != "" {
		t.Errorf("served (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]blob.Digest{dg}, b.list(blob.Damaged)); diff != "" {
		t.Errorf("in quarantine (-want +got):\n%s", diff)
	}
	if _, err := b.Stat(t.Context(), dg); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("Stat() of a blob in quarantine = %v", err)
	}
	b.mustPublish(c)
	b.serves(c)
	if n, err := b.storage.Quarantined(t.Context()); n != 1 || err != nil {
		t.Errorf("Quarantined() = %d, %v, want 1", n, err)
	}
	if err := b.storage.EmptyQuarantine(t.Context()); err != nil || len(b.list(blob.Damaged)) != 0 {
		t.Errorf("EmptyQuarantine() = %v, %v is left", err, b.list(blob.Damaged))
	}
	b.serves(c, other)
}

// intact checks that a good blob is either moved or kept, and never lost.
func intact(t *testing.T, b *bench) {
	c := Random(1, 1000)
	b.mustPublish(c)
	_, err := b.Quarantine(t.Context(), digest.FromBytes(c))
	if kept := errors.Is(err, blob.ErrIntact); kept {
		b.serves(c)
	} else if err != nil || len(b.list(blob.Damaged)) != 1 {
		t.Errorf("Quarantine() = %v, in quarantine: %v", err, b.list(blob.Damaged))
	}
}

func heals(t *testing.T, b *bench) {
	for _, size := range []int{1000, 17 << 20} {
		c := Random(1, size)
		b.mustPublish(c)
		b.Overwrite(digest.FromBytes(c), Random(2, size-1))
		b.mustPublish(c)
		b.serves(c)
	}
}

// short checks that a blob appears only if all of it was written.
func short(t *testing.T, b *bench) {
	for _, size := range []int{1000, 17 << 20} {
		c := Random(1, size)
		s, err := b.storage.Stage(int64(size))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Write(c[:size-1]); err != nil {
			t.Fatal(err)
		}
		batch := b.storage.NewBatch()
		batch.AddBlob(s, digest.FromBytes(c))
		if err := batch.Sync(t.Context()); err == nil {
			t.Error("a blob that lacks a byte was published")
		}
		b.lacks(digest.FromBytes(c))
	}
}

func broken(t *testing.T, b *bench) {
	small, large := Random(1, 1000), Random(2, 40<<20)
	repair := b.Break()
	if err := b.publish(small, large); err == nil || errors.Is(err, blob.ErrNotFound) {
		t.Errorf("publishing into a broken backend = %v", err)
	}
	repair()
	b.lacks(digest.FromBytes(small))
	b.lacks(digest.FromBytes(large))
	b.mustPublish(small, large)
	b.serves(small, large)
	if err := b.CleanStaging(t.Context(), time.Now().Add(time.Hour)); err != nil {
		t.Error(err)
	}
	b.serves(small, large)
}

func concurrent(t *testing.T, b *bench) {
	small, large := Random(1, 1000), Random(2, 17<<20)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			batch := b.storage.NewBatch()
			for _, c := range [][]byte{small, large} {
				s, err := b.storage.Stage(int64(len(c)))
				if err == nil {
					_, err = s.Write(c)
				}
				if err != nil {
					t.Error(err)
					return
				}
				batch.AddBlob(s, digest.FromBytes(c))
			}
			if err := batch.Sync(t.Context()); err != nil {
				t.Errorf("publish beside others: %v", err)
			}
		})
	}
	wg.Wait()
	b.serves(small, large)
}

func invalid(t *testing.T, b *bench) {
	for _, dg := range []blob.Digest{"", "sha256:../../etc/passwd", "sha512:" + digest.Digest(Random(1, 64)), "sha256:ABC"} {
		_, err := b.Stat(t.Context(), dg)
		_, _, openErr := b.Open(t.Context(), dg)
		_, moveErr := b.Quarantine(t.Context(), dg)
		batch := b.storage.NewBatch()
		batch.AddBlob(b.stage([]byte("x")), dg)
		for _, err := range []error{err, openErr, moveErr, b.Remove(t.Context(), blob.Served, dg), batch.Sync(t.Context())} {
			if !errors.Is(err, blob.ErrInvalidDigest) {
				t.Errorf("digest %q: %v, want ErrInvalidDigest", dg, err)
			}
		}
	}
}

// ended checks that nothing goes on for ever after the end of its context. A folder may finish its work.
func ended(t *testing.T, b *bench) {
	c := Random(1, 1<<20)
	b.mustPublish(c)
	ctx, cancel := context.WithCancel(t.Context())
	r, _, err := b.Open(ctx, digest.FromBytes(c))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cancel()
	if got, err := io.ReadAll(r); err == nil && !bytes.Equal(got, c) {
		t.Error("other content after the end of the context")
	}
	if err := b.List(ctx, blob.Served, func(blob.Info) error { return nil }); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("List() = %v, want the end of the context", err)
	}
	b.serves(c)
}
