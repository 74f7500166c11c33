package importer_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"offlinestore/blob"
	"offlinestore/bundle"
	"offlinestore/catalog"
	"offlinestore/importer"
	"offlinestore/internal/bundletest"
)

// batch returns a batch of files that forces channels, and a channel that receives each file once it is finished.
func (s *site) batch(paths ...string) (*importer.Batch, <-chan *importer.File) {
	s.t.Helper()
	finished := make(chan *importer.File, len(paths))
	b := &importer.Batch{Importer: s.Importer, Report: func(f *importer.File) { finished <- f }, Warn: func(f *importer.File, text string) { s.t.Errorf("%s: warning %q", f.Name, text) }}
	b.PushChannelMap = true
	for _, p := range paths {
		in, err := bundle.OpenInput(p)
		if err != nil {
			s.t.Fatal(err)
		}
		b.Files = append(b.Files, &importer.File{Name: filepath.Base(p), Input: in})
	}
	s.t.Cleanup(func() { must(s.t, b.Close()) })
	return b, finished
}

func write(t testing.TB, dir, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	must(t, os.WriteFile(path, data, 0o600))
	return path
}

// TestBatchOrder forces the channels of several files in all their orders. Each command must apply them in the order of signing.
func TestBatchOrder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var paths []string
	for i := range 3 {
		paths = append(paths, write(t, dir, fmt.Sprint(i), bundletest.New(t, i+1).Add("jq", 10-i, 100).Tar(bundle.None)))
	}
	s := newSite(t)
	var before *catalog.Snapshot
	for _, order := range [][]int{{0, 1, 2}, {2, 1, 0}, {1, 2, 0}, {2, 1, 0}} {
		b, _ := s.batch(paths[order[0]], paths[order[1]], paths[order[2]])
		if err := b.Plan(t.Context()); err != nil {
			t.Fatal(err)
		}
		if b.After == nil && before == nil {
			t.Fatal("no catalogue after the first plan")
		}
		if b.After == nil {
			b.After = before // the second time, nothing changes
		}
		if got := channelMap(b.After, "jq")["latest/stable"]; got != 8 {
			t.Errorf("order %v: the plan leaves revision %d, want 8", order, got)
		}
		b.Run(t.Context())
		for i, f := range b.Files {
			if f.Err != nil || f.Name != fmt.Sprint(i) {
				t.Errorf("order %v: file %d is %s with error %v, want the order of signing and no error", order, i, f.Name, f.Err)
			}
		}
		if got := channelMap(s.served(), "jq")["latest/stable"]; got != 8 {
			t.Errorf("order %v: latest/stable is revision %d, want 8", order, got)
		}
		if before != nil {
			s.serves(before)
		}
		before = s.served()
	}
	if h, err := s.Store.History(t.Context(), ""); err != nil || len(h) != 3 {
		t.Errorf("%d lines in the history, %v; want one for each file", len(h), err)
	}
}

// TestBatchTurns tries a slow file, a damaged one and a newer one. The newer one must not overtake the slow one when the damaged one fails.
func TestBatchTurns(t *testing.T) {
	t.Parallel()
	s, dir := newSite(t), t.TempDir()
	slow := bundletest.New(t, 1).Add("jq", 10, 300_000).Tar(bundle.None)
	damaged := bundletest.New(t, 2).Add("hello", 1, 3000).Tar(bundle.None)
	damaged[len(damaged)-3000] ^= 4
	pipe, _, finish := slowPipe(t, slow, 100_000)
	b, finished := s.batch(write(t, dir, "damaged", damaged), write(t, dir, "new", bundletest.New(t, 3).Add("jq", 9, 100).Tar(bundle.None)))
	b.Files = append([]*importer.File{{Name: "slow", Input: pipe}}, b.Files...)
	if err := b.Plan(t.Context()); err != nil {
		t.Fatal(err)
	}
	go func() {
		if f := <-finished; f.Name != "damaged" {
			t.Errorf("%s was finished first, want the damaged file", f.Name)
		}
		time.Sleep(200 * time.Millisecond) // enough to apply the new file if nothing held it back
		close(finish)
	}()
	b.Run(t.Context())
	if got := channelMap(s.served(), "jq")["latest/stable"]; got != 9 {
		t.Errorf("latest/stable is revision %d, want 9 of the newest file", got)
	}
	if b.Files[0].Err != nil || b.Files[1].Err == nil || b.Files[2].Err != nil {
		t.Errorf("errors are %v, %v and %v, want only the second", b.Files[0].Err, b.Files[1].Err, b.Files[2].Err)
	}
}

// TestSharedBlob pushes three files with the same blob, while the first one is slow. The others must not stage the blob again, because
// the disk needs space for it only once.
func TestSharedBlob(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	const payload = 512 + 300_032 + 512 + 512 + 1024 // two blobs with their headers, and the end of the tar
	file := func(name string) []byte {
		return bundletest.New(t, 1).Add(name, 1, 100).Add("a-base", 7, 300_000).Tar(bundle.None)
	}
	shared := bundletest.New(t, 1).Blob("a-base_7", 300_000)
	one, claimed, finish := slowPipe(t, file("one"), 100_000)
	two, _, begin2 := slowPipe(t, file("two"), payload)
	three, _, begin3 := slowPipe(t, file("three"), payload)
	b, _ := s.batch()
	b.Report = func(*importer.File) {}
	b.Files = []*importer.File{{Name: "one", Input: one}, {Name: "two", Input: two}, {Name: "three", Input: three}}
	b.PushChannelMap = false
	must(t, b.Plan(t.Context()))
	if got := []int64{b.Files[0].Missing, b.Files[1].Missing, b.Files[2].Missing, b.Totals().Missing}; !slices.Equal(got, []int64{300_100, 100, 100, 300_300}) {
		t.Errorf("bytes to copy are %d, want the shared blob only in the first file and once in the sum", got)
	}
	go func() {
		<-claimed // a pipe holds 64 KiB, so the push has read much of the shared blob
		close(begin2)
		close(begin3)
		time.Sleep(300 * time.Millisecond) // enough for the others to copy the blob if nothing held them back
		if _, err := s.Blobs.Info(t.Context(), shared.Digest); !errors.Is(err, blob.ErrNotFound) {
			t.Errorf("Stat of the shared blob = %v, want none while the first file is copied", err)
		}
		close(finish)
	}()
	b.Run(t.Context())
	for _, f := range b.Files {
		if f.Err != nil {
			t.Errorf("%s: %v", f.Name, f.Err)
		}
	}
	if n := len(s.served().Snaps); n != 4 {
		t.Errorf("%d snaps are served, want 4", n)
	}
}

// slowPipe returns a pipe with this content. All but the last bytes come at once, then half is closed, and the rest comes after finish
// was closed.
func slowPipe(t *testing.T, content []byte, last int) (in *bundle.Input, half, finish chan struct{}) {
	t.Helper()
	r, w, err := os.Pipe()
	must(t, err)
	half, finish = make(chan struct{}), make(chan struct{})
	go func() {
		_, err1 := w.Write(content[:len(content)-last])
		close(half)
		<-finish
		_, err2 := w.Write(content[len(content)-last:])
		must(t, errors.Join(err1, err2, w.Close()))
	}()
	return bundle.NewInput("pipe", r), half, finish
}

// TestRunGoesOnWherePlanStopped damages the head of a file after the plan, which has verified it. Run reads only the rest.
func TestRunGoesOnWherePlanStopped(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for i, c := range []bundle.Compression{bundle.None, bundle.Gzip, bundle.Zstd} {
		path := write(t, t.TempDir(), "x", bundletest.New(t, i).Add("jq", i+1, 600<<10).Tar(c))
		b, _ := s.batch(path)
		must(t, b.Plan(t.Context()))
		flipAt(t, path, 700)
		b.Run(t.Context())
		must(t, b.Files[0].Err)
		if got := channelMap(s.served(), "jq")["latest/stable"]; got != i+1 {
			t.Errorf("%s: latest/stable is revision %d, want %d", c, got, i+1)
		}
	}
}
