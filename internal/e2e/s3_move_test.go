//go:build linux

package e2e_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"offlinestore/internal/blobtest"
	"offlinestore/internal/pgtest"
	"offlinestore/internal/s3test"
	"offlinestore/internal/upstreamtest"
)

// uploadLarge uploads a revision of a snap that takes several parts in S3.
func (u *origin) uploadLarge(name string, revision int) {
	u.t.Helper()
	s := upstreamtest.Snap{Name: name, Base: "none", Summary: "A large snap of the tests"}
	rev := upstreamtest.Rev{Revision: revision, Version: fmt.Sprintf("1.%d", revision)}
	rev.YAML = upstreamtest.YAML(s, rev)
	rev.Blob = upstreamtest.File(u.packLarge(rev.YAML, revision))
	if err := u.AddRevision(name, rev); err != nil {
		u.t.Fatal(err)
	}
	if err := u.Release(name, "", "stable", revision); err != nil {
		u.t.Fatal(err)
	}
}

// packLarge packs a snap without compressing it, which would take most of the time of these tests.
func (u *origin) packLarge(yaml string, revision int) string {
	u.t.Helper()
	tree, file := u.t.TempDir(), filepath.Join(u.dir, fmt.Sprintf("large-%d.snap", revision))
	if err := os.Mkdir(filepath.Join(tree, "meta"), 0o755); err != nil {
		u.t.Fatal(err)
	}
	for name, text := range map[string][]byte{"meta/snap.yaml": []byte(yaml), "data": blobtest.Random(byte(revision), 36<<20)} {
		if err := os.WriteFile(filepath.Join(tree, name), text, 0o644); err != nil {
			u.t.Fatal(err)
		}
	}
	run(u.t, nil, "mksquashfs", tree, file, "-noappend", "-no-progress", "-quiet", "-all-root", "-no-xattrs", "-no-fragments", "-comp", "xz", "-noD")
	return file
}

// s3Settings returns a command that sets up a bucket, but for the setting that uses it.
func s3Settings(url, bucket string) []string {
	return []string{"config", "proxy.storage.s3.server-url=" + url, "proxy.storage.s3.access-key-id=" + s3test.AccessKey,
		"proxy.storage.s3.secret-access-key=" + s3test.SecretKey, "proxy.storage.s3.scanned-container-name=" + bucket}
}

// objects returns the number of objects and of unfinished uploads in a bucket.
func objects(t *testing.T, s *s3test.Server, bucket string) (objects, uploads int) {
	t.Helper()
	c, err := minio.New(strings.TrimPrefix(s.URL, "http://"), &minio.Options{Creds: credentials.NewStaticV4(s3test.AccessKey, s3test.SecretKey, ""), Region: s3test.Region})
	if err != nil {
		t.Fatal(err)
	}
	for o := range c.ListObjects(t.Context(), bucket, minio.ListObjectsOptions{Recursive: true}) {
		if o.Err != nil {
			t.Fatal(o.Err)
		}
		objects++
	}
	for u := range c.ListIncompleteUploads(t.Context(), bucket, "", true) {
		if u.Err != nil {
			t.Fatal(u.Err)
		}
		uploads++
	}
	return objects, uploads
}

// downloader downloads revisions again and again, as many devices do.
type downloader struct {
	done chan struct{}
	wg   sync.WaitGroup
	mu   sync.Mutex
	n    int
}

// download begins to download files, each of which must be the same every time.
func (in *inside) download(t *testing.T, files ...string) *downloader {
	d := &downloader{done: make(chan struct{})}
	for _, name := range files {
		d.wg.Go(func() {
			first := ""
			for {
				sum, err := digestOf(in.url + "/api/v1/snaps/download/" + name)
				if first == "" {
					first = sum
				}
				if err != nil || sum != first {
					t.Errorf("%s: %v, digest %s, want %s", name, err, sum, first)
				}
				d.mu.Lock()
				d.n++
				d.mu.Unlock()
				select {
				case <-d.done:
					return
				case <-time.After(200 * time.Millisecond):
				}
			}
		})
	}
	return d
}

func digestOf(url string) (string, error) {
	r, err := http.Get(url)
	if err != nil {
		return "", err
	}
	defer r.Body.Close()
	h := sha256.New()
	if _, err := io.Copy(h, r.Body); err != nil {
		return "", err
	}
	if r.StatusCode != http.StatusOK {
		return "", fmt.Errorf("status %d", r.StatusCode)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// stop ends the downloads, and returns their number.
func (d *downloader) stop() int {
	close(d.done)
	d.wg.Wait()
	return d.n
}

func blobsInFolder(t *testing.T, in *inside) int {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(in.data, "blobs", "sha256"))
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// TestMigrateBlobs moves the blobs of a store into S3 and back, while clients download them. The first attempt is interrupted.
func TestMigrateBlobs(t *testing.T) {
	t.Parallel()
	server, bucket := s3test.Start(t), s3test.NewBucket()
	proxy := server.NewProxy(t)
	up := newOrigin(t)
	for _, name := range []string{"greeter", "large"} {
		up.addSnap(name)
	}
	up.upload("greeter", upstreamtest.Rev{Revision: 1}, "stable")
	up.uploadLarge("large", 1)
	o := newOutside(t, up.url, up.Stack.RootStream())
	in := newInside(t, o)
	in.proxy("config", "proxy.db.connection="+pgtest.New(t))
	in.push(o.export("greeter", "large")...)
	in.serve()
	in.await("large", "stable", 1)
	in.proxy(s3Settings(proxy.URL, bucket)...)
	d := in.download(t, upstreamtest.ID("greeter")+"_1.snap", upstreamtest.ID("large")+"_1.snap")
	total := blobsInFolder(t, in)

	proxy.SetFault(func(r *http.Request) s3test.Fault {
		if r.URL.Query().Get("partNumber") == "2" {
			return s3test.Fault{Status: http.StatusForbidden, Code: "AccessDenied"}
		}
		return s3test.Fault{}
	})
	if out := in.fails("migrate-blobs", "s3"); !strings.Contains(out, "bucket "+bucket) || strings.Contains(out, s3test.SecretKey) {
		t.Errorf("an interrupted migration prints %q", out)
	}
	if got := in.proxy("config", "proxy.storage.backend"); got != "local\n" {
		t.Errorf("after an interrupted migration, the backend is %q", got)
	}
	proxy.SetFault(nil)
	if out := in.proxy("migrate-blobs", "s3"); !strings.Contains(out, "Set proxy.storage.backend=s3") {
		t.Errorf("migrate-blobs s3 prints %q", out)
	}
	if n, uploads := objects(t, server, bucket); n != total || uploads != 0 {
		t.Errorf("the bucket has %d objects and %d unfinished uploads, want %d and none", n, uploads, total)
	}
	if out := in.proxy("migrate-blobs", "s3", "--remove"); !strings.Contains(out, "Copied 0 blobs") || blobsInFolder(t, in) != 0 {
		t.Errorf("migrate-blobs s3 --remove prints %q, and leaves %d blobs", out, blobsInFolder(t, in))
	}
	up.upload("greeter", upstreamtest.Rev{Revision: 2}, "stable")
	in.push(o.export("greeter")...)
	if n := blobsInFolder(t, in); n != 0 {
		t.Errorf("a push after the migration put %d blobs into the folder", n)
	}
	if out := in.proxy("check", "--blobs"); !strings.Contains(out, "are good") {
		t.Errorf("check --blobs in S3 prints %q", out)
	}
	in.proxy("migrate-blobs", "local", "--remove")
	if n, _ := objects(t, server, bucket); n != 0 {
		t.Errorf("migrate-blobs local --remove leaves %d objects", n)
	}
	if out := in.proxy("check", "--blobs"); !strings.Contains(out, "are good") {
		t.Errorf("check --blobs in the folder prints %q", out)
	}
	if n := d.stop(); n < 10 {
		t.Errorf("%d downloads meanwhile", n)
	}
}

// killed runs a command that is killed when ctx ends.
func (in *inside) killed(ctx context.Context, args ...string) {
	in.t.Helper()
	_ = exec.CommandContext(ctx, program(in.t, "snap-store-proxy"), append([]string{"--data-dir", in.data}, args...)...).Run() // it may end before
}
