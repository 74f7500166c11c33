package cache_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"offlinestore/edge/cache"
)

// item is a file with its content.
type item struct {
	cache.File
	content []byte
}

// items returns snaps of one MiB.
func items(n int) (all []item) {
	for i := range n {
		content := random(uint64(i)+100, mib)
		all = append(all, item{snap(string(rune('a'+i))+".snap", content), content})
	}
	return all
}

// in implements [cache.Source] with content in memory.
func (i item) in(context.Context, int64) (io.ReadCloser, int64, bool, error) {
	return io.NopCloser(bytes.NewReader(i.content)), int64(len(i.content)), false, nil
}

func add(t testing.TB, c *cache.Cache, all ...item) {
	t.Helper()
	for _, i := range all {
		want(t, c, i.File, i.in, i.content)
		settle(t, c)
	}
}

func recordPath(dir string, d cache.Digest) string {
	return filepath.Join(dir, "records", strings.Replace(string(d), ":", "-", 1)+".json")
}

// age sets the last use of a file.
func age(t testing.TB, dir string, d cache.Digest, ago time.Duration) {
	t.Helper()
	then := time.Now().Add(-ago)
	check(t, os.Chtimes(recordPath(dir, d), then, then))
}

// names returns the names of the files of a cache, in order.
func names(t testing.TB, c *cache.Cache) string {
	t.Helper()
	all, err := c.List()
	check(t, err)
	var names []string
	for _, e := range all {
		names = append(names, strings.TrimSuffix(e.Name, ".snap"))
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

func TestLeastRecentlyUsed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := open(t, dir, quick(3*mib))
	all := items(6)
	add(t, c, all[:3]...)
	age(t, dir, all[0].Digest, 3*time.Hour)
	age(t, dir, all[1].Digest, 4*time.Hour)
	age(t, dir, all[2].Digest, 2*time.Hour)
	want(t, c, all[1].File, none(t), all[1].content) // a use counts
	add(t, c, all[3])
	if got := names(t, c); got != "b c d" {
		t.Errorf("the cache has %s, want b c d: a was used before all others", got)
	}
	age(t, dir, all[1].Digest, 30*time.Second)
	age(t, dir, all[3].Digest, 20*time.Second)
	want(t, c, all[1].File, none(t), all[1].content)
	if list, _ := c.List(); time.Since(list[slices.IndexFunc(list, func(e cache.Entry) bool { return e.Name == "b.snap" })].Used) < 20*time.Second {
		t.Error("a use is recorded more often than once a minute")
	}
	check(t, c.Pin(all[2].Digest, true))
	age(t, dir, all[2].Digest, time.Hour)
	add(t, c, all[4], all[5])
	if got := names(t, c); got != "c e f" {
		t.Errorf("the cache has %s, want c e f: c is pinned", got)
	}
	check(t, c.SetMax(mib))
	if got := names(t, c); got != "c" {
		t.Errorf("after it was made smaller, the cache has %s, want c", got)
	}
	want(t, c, all[0].File, all[0].in, all[0].content)
	if got := names(t, c); got != "c" {
		t.Errorf("the cache has %s, want c: pinned files fill it", got)
	}
	check(t, c.Pin(all[2].Digest, false))
	add(t, c, all[0])
	if got := names(t, c); got != "a" {
		t.Errorf("the cache has %s, want a: c is no longer pinned", got)
	}
	if left := files(t, dir); len(left) != 2 {
		t.Errorf("files are left: %v", left)
	}
}

// TestInUse keeps a file that a client reads.
func TestInUse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := open(t, dir, quick(2*mib))
	all := items(4)
	add(t, c, all[:2]...)
	r, err := c.Get(context.Background(), all[0].File, none(t))
	check(t, err)
	age(t, dir, all[0].Digest, time.Hour)
	add(t, c, all[2])
	if got := names(t, c); got != "a c" {
		t.Errorf("the cache has %s, want a c: a is in use", got)
	}
	other, err := c.Get(context.Background(), all[2].File, none(t))
	check(t, err)
	want(t, c, all[3].File, all[3].in, all[3].content)
	if got := names(t, c); got != "a c" {
		t.Errorf("the cache has %s, want a c: both are in use", got)
	}
	check(t, c.Drop(all[0].Digest)) // the operator has the last word
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, all[0].content) {
		t.Errorf("the reader of a dropped file got %d bytes, %v", len(got), err)
	}
	check(t, r.Close())
	check(t, r.Close())
	check(t, other.Close())
	add(t, c, all[3], all[1])
	if got := names(t, c); got != "b d" {
		t.Errorf("the cache has %s, want b d: nothing is in use any more", got)
	}
}

// TestOfflineRemovesNothing asks for a file that upstream does not send.
func TestOfflineRemovesNothing(t *testing.T) {
	t.Parallel()
	c := open(t, t.TempDir(), quick(2*mib))
	all := items(3)
	add(t, c, all[:2]...)
	down := func(context.Context, int64) (io.ReadCloser, int64, bool, error) {
		return nil, 0, false, errors.New("the line is cut")
	}
	if _, err := read(c, all[2].File, down); err == nil {
		t.Error("Get() = nil, want the error of upstream")
	}
	if got := names(t, c); got != "a b" {
		t.Errorf("the cache has %s, want a b", got)
	}
	if _, err := c.Get(context.Background(), all[2].File, nil); !errors.Is(err, cache.ErrNotFound) {
		t.Errorf("Get(without a Source) = %v, want ErrNotFound", err)
	}
	want(t, c, all[0].File, nil, all[0].content)
}

func TestSharedBlob(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := open(t, dir, quick(3*mib))
	all := items(4)
	same := item{charm("a.charm", all[0].content), all[0].content}
	add(t, c, all[0], same, all[1])
	if u := settle(t, c); u.Files != 3 || u.Bytes != 2*mib {
		t.Errorf("Usage() = %+v, want 3 files in 2 MiB", u)
	}
	check(t, c.Drop(all[0].Digest))
	want(t, c, same.File, none(t), same.content)
	add(t, c, all[0])
	check(t, c.Pin(same.Digest, true))
	age(t, dir, all[0].Digest, 3*time.Hour)
	age(t, dir, same.Digest, 2*time.Hour)
	age(t, dir, all[1].Digest, time.Hour)
	add(t, c, all[2], all[3])
	if got := names(t, c); got != "a a.charm c d" {
		t.Errorf("the cache has %s, want a a.charm c d: a shares the blob of a pinned file", got)
	}
	check(t, c.Pin(same.Digest, false))
	age(t, dir, all[0].Digest, 3*time.Hour)
	age(t, dir, same.Digest, 2*time.Hour)
	add(t, c, all[1])
	if got := names(t, c); got != "b c d" {
		t.Errorf("the cache has %s, want b c d", got)
	}
}

func TestAdmin(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := open(t, dir, quick(10*mib))
	all := items(2)
	all[0].Private, all[0].Name = true, strings.Repeat("ä", 200)
	begin := time.Now().Add(-2 * time.Second)
	check(t, c.Warm(context.Background(), all[0].File, all[0].in))
	check(t, c.Warm(context.Background(), all[0].File, nil))
	check(t, c.Pin(all[0].Digest, true))
	list, err := c.List()
	if err != nil || len(list) != 1 {
		t.Fatalf("List() = %v, %v, want one file", list, err)
	}
	e := list[0]
	if e.Digest != all[0].Digest || string(e.SHA256) != string(charm("", all[0].content).Digest) || e.Size != mib || !e.Private || !e.Pinned ||
		e.Name != strings.Repeat("ä", 127) || e.Added.Before(begin) || e.Used.Before(begin) {
		t.Errorf("List() = %+v", e)
	}
	for _, err := range []error{c.Pin(all[1].Digest, true), c.Drop(all[1].Digest)} {
		if !errors.Is(err, cache.ErrNotFound) {
			t.Errorf("a file that is not here: %v, want ErrNotFound", err)
		}
	}
	check(t, c.SetMax(mib))
	if err := c.Warm(context.Background(), all[1].File, all[1].in); err == nil || !strings.Contains(err.Error(), "no space") {
		t.Errorf("Warm() = %v, want no space beside a pinned file", err)
	}
	check(t, c.Drop(all[0].Digest))
	if left := files(t, dir); left != nil {
		t.Errorf("files are left: %v", left)
	}
}

// TestPlaces fills more files at once than the cache has places. A fill without readers ends for another one, and is continued.
func TestPlaces(t *testing.T) {
	t.Parallel()
	o := quick(10 * mib)
	o.Fills = 1
	c := open(t, t.TempDir(), o)
	all := items(3)
	half := func(i item) cache.Source {
		return func(ctx context.Context, off int64) (io.ReadCloser, int64, bool, error) {
			return io.NopCloser(io.MultiReader(bytes.NewReader(i.content[:mib/2]), until(ctx))), mib, false, nil
		}
	}
	r, err := c.Get(context.Background(), all[0].File, half(all[0]))
	check(t, err)
	_, err = io.ReadFull(r, make([]byte, mib/4))
	check(t, err)
	want(t, c, all[1].File, all[1].in, all[1].content)
	if got := names(t, c); got != "" {
		t.Errorf("the cache has %s, want nothing: the only place is taken", got)
	}
	check(t, r.Close())
	add(t, c, all[1])
	if got := names(t, c); got != "b" {
		t.Errorf("the cache has %s, want b: nobody reads a", got)
	}
	rest := func(_ context.Context, off int64) (io.ReadCloser, int64, bool, error) {
		if off < mib/4 {
			t.Errorf("asked from %d on, want the rest", off)
		}
		return io.NopCloser(bytes.NewReader(all[0].content[off:])), mib, true, nil
	}
	want(t, c, all[0].File, rest, all[0].content)
}

// TestStreams bounds the clients that read past the folder.
func TestStreams(t *testing.T) {
	t.Parallel()
	o := quick(0)
	o.Streams = 2
	c := open(t, t.TempDir(), o)
	i := items(1)[0]
	first, err := c.Get(context.Background(), i.File, i.in)
	check(t, err)
	second, err := c.Get(context.Background(), i.File, i.in)
	check(t, err)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if _, err := c.Get(ctx, i.File, i.in); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a third client: %v, want to wait", err)
	}
	check(t, first.Close())
	check(t, first.Close())
	want(t, c, i.File, i.in, i.content)
	check(t, second.Close())
}
