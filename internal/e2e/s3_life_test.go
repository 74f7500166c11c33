//go:build linux

package e2e_test

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"offlinestore/internal/pgtest"
	"offlinestore/internal/s3test"
	"offlinestore/internal/upstreamtest"
)

// s3Site is a store whose blobs are in a bucket, behind a proxy that makes faults.
type s3Site struct {
	*inside
	t      *testing.T
	o      *outside
	up     *origin
	server *s3test.Server
	proxy  *s3test.Proxy
	bucket string
}

func newS3Site(t *testing.T) *s3Site {
	t.Helper()
	s := &s3Site{t: t, server: s3test.Start(t), bucket: s3test.NewBucket(), up: newOrigin(t)}
	s.proxy = s.server.NewProxy(t)
	for _, name := range []string{"greeter", "large"} {
		s.up.addSnap(name)
	}
	s.up.upload("greeter", upstreamtest.Rev{Revision: 1}, "stable")
	s.up.uploadLarge("large", 1)
	s.o = newOutside(t, s.up.url, s.up.Stack.RootStream())
	s.inside = newInside(t, s.o)
	s.inside.proxy(append(s3Settings(s.proxy.URL, s.bucket), "proxy.storage.backend=s3", "proxy.db.connection="+pgtest.New(t))...)
	return s
}

func (s *s3Site) raw() *minio.Client {
	c, err := minio.New(strings.TrimPrefix(s.server.URL, "http://"), &minio.Options{Creds: credentials.NewStaticV4(s3test.AccessKey, s3test.SecretKey, ""), Region: s3test.Region})
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// empty removes all objects.
func (s *s3Site) empty() {
	for o := range s.raw().ListObjects(s.t.Context(), s.bucket, minio.ListObjectsOptions{Recursive: true}) {
		if err := s.raw().RemoveObject(s.t.Context(), s.bucket, o.Key, minio.RemoveObjectOptions{}); err != nil {
			s.t.Fatal(err)
		}
	}
}

// prints fails the test unless a command prints a text.
func (s *s3Site) prints(want string, args ...string) {
	s.t.Helper()
	if out := s.inside.proxy(args...); !strings.Contains(out, want) {
		s.t.Errorf("%q prints %q, want %q", args, out, want)
	}
}

// TestS3Push interrupts pushes, and checks that the next one goes on, and that gc removes the remains.
func TestS3Push(t *testing.T) {
	t.Parallel()
	s := newS3Site(t)
	large := s.o.export("large")
	refuse := func(part string) {
		s.proxy.SetFault(func(r *http.Request) s3test.Fault {
			if r.URL.Query().Get("partNumber") == part {
				others := make(chan struct{})
				time.AfterFunc(2*time.Second, func() { close(others) })
				return s3test.Fault{Wait: others, Status: http.StatusForbidden, Code: "AccessDenied"}
			}
			return s3test.Fault{}
		})
		if out := s.fails("push-snap", large[0]); !strings.Contains(out, "hint: check that S3 runs") || strings.Contains(out, s3test.SecretKey) {
			t.Errorf("an interrupted push prints %q", out)
		}
		s.proxy.SetFault(nil)
	}
	refuse("3")
	s.prints("Removed 0 blobs", "gc")
	if n, uploads := objects(t, s.server, s.bucket); n != 0 || uploads != 1 {
		t.Errorf("an interrupted push leaves %d objects and %d uploads, want only an upload", n, uploads)
	}
	var parts []string
	s.proxy.SetFault(func(r *http.Request) s3test.Fault {
		if n := r.URL.Query().Get("partNumber"); n != "" {
			parts = append(parts, n)
		}
		return s3test.Fault{}
	})
	s.push(large...)
	s.proxy.SetFault(nil)
	if len(parts) != 1 || parts[0] != "3" {
		t.Errorf("the next push sends the parts %q, want only the one that was missing", parts)
	}
	s.empty()
	refuse("1")
	s.prints("Removed 0 blobs", "gc", "--all")
	if _, uploads := objects(t, s.server, s.bucket); uploads != 0 {
		t.Errorf("gc --all leaves %d uploads", uploads)
	}
	s.push(large...)
	s.prints("are good", "check", "--blobs")
}

// TestS3Damage damages an object, and the lists of objects.
func TestS3Damage(t *testing.T) {
	t.Parallel()
	s := newS3Site(t)
	files := s.o.export("greeter", "large")
	s.push(files...)
	var key string
	for o := range s.raw().ListObjects(t.Context(), s.bucket, minio.ListObjectsOptions{Recursive: true}) {
		key = o.Key
	}
	content := strings.NewReader("something else")
	if _, err := s.raw().PutObject(t.Context(), s.bucket, key, content, content.Size(), minio.PutObjectOptions{}); err != nil {
		t.Fatal(err)
	}
	if out := s.fails("check", "--blobs"); !strings.Contains(out, "moved to s3://"+s.bucket+"/quarantine/") {
		t.Errorf("check --blobs of a damaged object prints %q", out)
	}
	s.prints("1 damaged blob in quarantine", "status")
	s.push(files...)
	s.prints("are good", "check", "--blobs")
	s.proxy.SetFault(func(r *http.Request) s3test.Fault {
		if r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/sha256/") {
			return s3test.Fault{Status: http.StatusForbidden, Code: "AccessDenied"}
		}
		return s3test.Fault{}
	})
	if out := s.fails("check", "--blobs"); strings.Contains(out, "moved to") {
		t.Errorf("check --blobs without an answer prints %q", out)
	}
	s.proxy.SetFault(nil)
	s.prints("are good", "check", "--blobs", "--from-start")

	var list bytes.Buffer
	isList := func(r *http.Request) bool {
		return r.URL.Query().Get("list-type") == "2" && r.URL.Query().Get("prefix") == "sha256/"
	}
	s.proxy.SetFault(func(r *http.Request) s3test.Fault {
		if isList(r) {
			list.Reset()
			return s3test.Fault{Copy: &list}
		}
		return s3test.Fault{}
	})
	s.prints("s3: running", "status")
	s.proxy.SetFault(nil)
	s.inside.proxy("remove-snap", "greeter", "--yes")
	s.prints("Removed 1 blobs", "gc")
	s.proxy.SetFault(func(r *http.Request) s3test.Fault {
		if isList(r) {
			return s3test.Fault{Body: list.Bytes()}
		}
		return s3test.Fault{}
	})
	s.prints("Removed 0 blobs", "gc", "--all")
	s.proxy.SetFault(nil)
	s.push(files...)
	s.prints("are good", "check", "--blobs")
}

// TestS3Backup saves a store with its blobs, and restores it into an empty bucket.
func TestS3Backup(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes long")
	}
	s := newS3Site(t)
	s.push(s.o.export("greeter", "large")...)
	secret := filepath.Join(newDir(t), "passphrase")
	s.o.write(secret, []byte("correct horse battery staple\n"))
	if err := os.Chmod(secret, 0o644); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(newDir(t), "store.age")
	s.inside.proxy("backup", "--passphrase-file", secret, "--blobs", file)
	total, _ := objects(t, s.server, s.bucket)
	s.empty()
	s.prints("blobs missing", "status")
	again := &inside{t: t, data: filepath.Join(newDir(t), "data")}
	again.proxy("restore", "--private", "--passphrase-file", secret, "--yes", file)
	if n, _ := objects(t, s.server, s.bucket); n != total || blobsInFolder(t, again) != 0 {
		t.Errorf("after the restore, the bucket has %d objects and the folder %d, want %d and 0", n, blobsInFolder(t, again), total)
	}
	if out := again.proxy("check", "--blobs"); !strings.Contains(out, "are good") {
		t.Errorf("check --blobs prints %q", out)
	}
}

// TestS3Killed kills pushes and migrations at some time, and checks that the next ones succeed and that all blobs are good.
func TestS3Killed(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes long")
	}
	s := newS3Site(t)
	large := s.o.export("large")
	kill := func(n int, args ...string) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var parts int
		s.proxy.SetFault(func(r *http.Request) s3test.Fault {
			if r.Method == http.MethodPut || r.Method == http.MethodPost {
				if parts++; parts == n {
					cancel() // kills the process
				}
			}
			return s3test.Fault{}
		})
		s.killed(ctx, args...)
		s.proxy.SetFault(nil)
	}
	for n := range 4 {
		kill(n+1, append([]string{"push-snap"}, large...)...)
	}
	s.push(large...)
	s.prints("are good", "check", "--blobs")
	total, _ := objects(t, s.server, s.bucket)
	s.inside.proxy("migrate-blobs", "local", "--remove")
	for n := range 4 {
		kill(n+1, "migrate-blobs", "s3")
	}
	s.inside.proxy("migrate-blobs", "s3", "--remove")
	s.prints("are good", "check", "--blobs")
	if n, uploads := objects(t, s.server, s.bucket); n != total || uploads != 0 || blobsInFolder(t, s.inside) != 0 {
		t.Errorf("%d objects, %d uploads and %d files are left, want %d objects", n, uploads, blobsInFolder(t, s.inside), total)
	}
}
