package cache_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"offlinestore/blob"
	"offlinestore/edge/cache"
	"offlinestore/internal/killtest"
)

// childEnv makes the test binary read the files at an address, with a cache in childDir of childSize bytes.
const childEnv, childDir, childSize = "OFFLINESTORE_CACHE_CHILD", "OFFLINESTORE_CACHE_DIR", "OFFLINESTORE_CACHE_SIZE"

func TestMain(m *testing.M) {
	if url := os.Getenv(childEnv); url != "" {
		readAll(url, os.Getenv(childDir))
		return
	}
	os.Exit(m.Run())
}

func must(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

// readAll reads the files that the address lists, and prints a line after the beginning and the end of each.
func readAll(url, dir string) {
	resp, err := http.Get(url)
	must(err)
	list, err := io.ReadAll(resp.Body)
	must(err)
	size, err := strconv.ParseInt(os.Getenv(childSize), 10, 64)
	must(err)
	d, err := blob.Open(dir)
	must(err)
	c, err := cache.Open(d, quick(size))
	must(err)
	for s := bufio.NewScanner(bytes.NewReader(list)); s.Scan(); {
		f := cache.File{}
		var path string
		_, err := fmt.Sscan(s.Text(), &path, &f.Digest, &f.Size)
		must(err)
		f.Name = path
		r, err := c.Get(context.Background(), f, func(ctx context.Context, off int64) (io.ReadCloser, int64, bool, error) {
			return download(ctx, url+path, off)
		})
		must(err)
		_, err = io.ReadFull(r, make([]byte, f.Size/4))
		must(err)
		fmt.Println("begun", path)
		_, err = io.Copy(io.Discard, r)
		must(err)
		must(r.Close())
		must(c.Warm(context.Background(), f, nil))
		fmt.Println("read", path)
	}
	must(c.Close())
	fmt.Println("done")
}

// shop is a store upstream with several files.
type shop struct {
	*http.ServeMux
	list  bytes.Buffer
	items []item
	up    []*origin
}

func newShop(all ...item) *shop {
	s := &shop{ServeMux: http.NewServeMux(), items: all}
	for n, i := range all {
		path := fmt.Sprintf("/%d", n)
		up := &origin{content: i.content}
		s.up = append(s.up, up)
		s.Handle(path, up)
		fmt.Fprintln(&s.list, path, i.Digest, i.Size)
	}
	s.HandleFunc("/{$}", func(w http.ResponseWriter, _ *http.Request) { w.Write(s.list.Bytes()) })
	return s
}

func child(url, dir string, size int64) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+url, childDir+"="+dir, fmt.Sprintf("%s=%d", childSize, size))
	return cmd
}

// TestKillDuringTheFill kills a process while a file arrives. The next one fetches the rest.
func TestKillDuringTheFill(t *testing.T) {
	t.Parallel()
	i := items(1)[0]
	s := newShop(i)
	up := s.up[0]
	up.fault = func(n int, w http.ResponseWriter, r *http.Request) bool {
		if n > 0 {
			return false
		}
		w.Header().Set("Content-Length", fmt.Sprint(mib))
		w.Write(i.content[:mib*3/4])
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		return true
	}
	url, dir := serveShop(t, s), t.TempDir()
	cmd := child(url, dir, 10*mib)
	out, err := cmd.StdoutPipe()
	check(t, err)
	check(t, cmd.Start())
	lines := bufio.NewScanner(out)
	if !lines.Scan() || lines.Text() != "begun /0" {
		t.Fatalf("the child says %q, want that it has begun", lines.Text())
	}
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if all, _ := openDir(t, dir).Partials(); len(all) == 1 && all[0].Size == mib*3/4 {
			break
		}
	}
	check(t, cmd.Process.Kill())
	cmd.Wait()
	c := open(t, dir, quick(10*mib))
	want(t, c, i.File, func(ctx context.Context, off int64) (io.ReadCloser, int64, bool, error) {
		return download(ctx, url+"/0", off)
	}, i.content)
	settle(t, c)
	if got := up.sent.Load(); got != mib/4 {
		t.Errorf("%d bytes came after the kill, want the last %d", got, mib/4)
	}
	want(t, c, i.File, none(t), i.content)
}

// TestKillAnywhere kills a process at each change of a name. The next one finds whole files, and nothing else is left.
func TestKillAnywhere(t *testing.T) {
	t.Parallel()
	all := items(3)
	all[2].content, all[2].File = all[0].content, charm("again.charm", all[0].content)
	s := newShop(all...)
	url := serveShop(t, s)
	step := 1
	if testing.Short() {
		step = 7
	}
	for n := rand.IntN(step); ; n += step {
		dir := t.TempDir()
		killed := killtest.AtRename(t, child(url, dir, 2*mib), n)
		c := open(t, dir, quick(10*mib))
		list, err := c.List()
		check(t, err)
		check(t, c.Scrub(context.Background(), func(e cache.Entry, err error) { t.Errorf("killed at %d: %s: %v", n, e.Name, err) }))
		blobs := map[blob.Digest]bool{}
		for _, e := range list {
			blobs[e.SHA256] = true
		}
		var partials int
		if all, _ := openDir(t, dir).Partials(); len(all) > 0 {
			partials = len(all)
		}
		if left := files(t, dir); len(left) != len(list)+len(blobs)+partials || partials > 1 {
			t.Errorf("killed at %d: %d records, %d blobs, %d partial files, but there are %v", n, len(list), len(blobs), partials, left)
		}
		for _, i := range all {
			want(t, c, i.File, i.in, i.content)
		}
		check(t, c.Close())
		if !killed {
			if len(list) == 0 || n < 10 {
				t.Errorf("a whole run changes %d names and leaves %d files", n, len(list))
			}
			return
		}
	}
}

// TestTwoProcesses lets several processes fill one small folder at once.
func TestTwoProcesses(t *testing.T) {
	t.Parallel()
	all := items(8)
	s := newShop(all...)
	url, dir := serveShop(t, s), t.TempDir()
	d := openDir(t, dir)
	c := open(t, dir, quick(20*mib))
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			if out, err := child(url, dir, 20*mib).CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
	for _, i := range all {
		wg.Go(func() { want(t, c, i.File, i.in, i.content) })
	}
	wg.Wait()
	settle(t, c)
	if got := names(t, c); got == "" {
		t.Error("nothing was kept")
	}
	check(t, c.Scrub(context.Background(), func(e cache.Entry, err error) { t.Errorf("%s: %v", e.Name, err) }))
	if partials, _ := d.Partials(); len(partials) > 0 {
		t.Errorf("left: %v", partials)
	}
	for _, up := range s.up {
		if n := up.requests.Load(); n > 3 {
			t.Errorf("%d requests for one file from 3 processes", n)
		}
	}
	for _, i := range all { // by whichever process
		want(t, c, i.File, none(t), i.content)
	}
}

// TestOthersLock keeps nothing while another process changes the folder.
func TestOthersLock(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := open(t, dir, quick(10*mib))
	i := items(1)[0]
	unlock, err := blob.Lock(context.Background(), filepath.Join(dir, "records", ".lock"))
	check(t, err)
	want(t, c, i.File, i.in, i.content)
	time.Sleep(20 * time.Millisecond)
	if c.Has(i.File) {
		t.Error("a file was kept while another process had the lock")
	}
	check(t, unlock())
	check(t, c.Warm(context.Background(), i.File, nil))
	if !c.Has(i.File) {
		t.Error("a file was not kept after another process gave up the lock")
	}
}

// TestSmallFolderOfTwoProcesses fills a folder that holds two files at a time.
func TestSmallFolderOfTwoProcesses(t *testing.T) {
	t.Parallel()
	all := items(6)
	dir := t.TempDir()
	a, b := open(t, dir, quick(2*mib)), open(t, dir, quick(2*mib))
	var wg sync.WaitGroup
	for range 3 {
		for _, i := range all {
			for _, c := range []*cache.Cache{a, b} {
				wg.Go(func() { want(t, c, i.File, i.in, i.content) })
			}
		}
	}
	wg.Wait()
	settle(t, a)
	if u := settle(t, b); u.Bytes+u.Partial > 2*mib {
		t.Errorf("%d and %d bytes, want at most 2 MiB", u.Bytes, u.Partial)
	}
	check(t, a.Scrub(context.Background(), func(e cache.Entry, err error) { t.Errorf("%s: %v", e.Name, err) }))
}
