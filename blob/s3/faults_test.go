package s3_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/opencontainers/go-digest"

	"offlinestore/blob"
	"offlinestore/internal/blobtest"
	"offlinestore/internal/s3test"
)

// publish stages and publishes a content under a digest.
func (s *site) publish(content []byte, dg blob.Digest) error {
	s.t.Helper()
	dir, err := blob.Open(s.t.TempDir())
	if err != nil {
		s.t.Fatal(err)
	}
	defer dir.Close()
	staged, err := dir.Stage(int64(len(content)))
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := staged.Write(content); err != nil {
		s.t.Fatal(err)
	}
	batch := dir.StorageIn(blob.Places{Backend: s.Bucket}).NewBatch()
	batch.AddBlob(staged, dg)
	return batch.Sync(s.t.Context())
}

func (s *site) mustPublish(content []byte) blob.Digest {
	s.t.Helper()
	dg := digest.FromBytes(content)
	if err := s.publish(content, dg); err != nil {
		s.t.Fatalf("publish: %v", err)
	}
	return dg
}

func (s *site) read(dg blob.Digest) ([]byte, error) {
	r, _, err := s.Open(s.t.Context(), dg)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

func (s *site) serves(content []byte) {
	s.t.Helper()
	if got, err := s.read(digest.FromBytes(content)); err != nil || !bytes.Equal(got, content) {
		s.t.Errorf("a blob of %d bytes does not read as it was written: %v", len(content), err)
	}
}

func (s *site) lacks(dg blob.Digest) {
	s.t.Helper()
	_, err := s.raw().StatObject(s.t.Context(), s.name, "sha256/"+dg.Encoded(), minio.StatObjectOptions{})
	if minio.ToErrorResponse(err).Code != minio.NoSuchKey {
		s.t.Errorf("the object is there: %v", err)
	}
}

// awaitParts waits until an upload has n parts, since others are sent at the same time as one that fails.
func (s *site) awaitParts(dg blob.Digest, upload string, n int) {
	core := minio.Core{Client: s.raw()}
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		list, err := core.ListObjectParts(s.t.Context(), s.name, "sha256/"+dg.Encoded(), upload, 0, 10)
		if err == nil && len(list.ObjectParts) >= n {
			return
		}
	}
	s.t.Errorf("the upload has not %d parts after 20 s", n)
}

// uploads returns the number of unfinished uploads.
func (s *site) uploads() (n int) {
	for u := range s.raw().ListIncompleteUploads(s.t.Context(), s.name, "", true) {
		if u.Err != nil {
			s.t.Error(u.Err)
		}
		n++
	}
	return n
}

const (
	small = 100_000
	large = 40 << 20
)

func isPart(r *http.Request) bool {
	return r.Method == http.MethodPut && r.URL.Query().Has("partNumber")
}

func isComplete(r *http.Request) bool {
	return r.Method == http.MethodPost && r.URL.Query().Has("uploadId")
}

func isRead(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/sha256/")
}

// TestSlowDown lets the object store refuse each request twice.
func TestSlowDown(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	var n atomic.Int64
	s.proxy.SetFault(func(*http.Request) s3test.Fault {
		if n.Add(1)%3 != 0 {
			return s3test.Fault{Status: http.StatusServiceUnavailable, Code: "SlowDown"}
		}
		return s3test.Fault{}
	})
	for _, size := range []int{small, large} {
		c := blobtest.Random(1, size)
		s.mustPublish(c)
		s.serves(c)
	}
}

// TestAnswersAreCut ends each answer after a while, and counts how often the rest is asked for.
func TestAnswersAreCut(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	c := blobtest.Random(1, 10<<20)
	s.mustPublish(c)
	before := s.proxy.Count(http.MethodGet)
	s.proxy.SetFault(func(r *http.Request) s3test.Fault {
		if isRead(r) {
			return s3test.Fault{CutAfter: 3 << 20}
		}
		return s3test.Fault{}
	})
	s.serves(c)
	if n := s.proxy.Count(http.MethodGet) - before; n < 5 || n > 9 {
		t.Errorf("%d requests for the content, want some more than its 4 parts", n)
	}
	s.proxy.SetFault(func(r *http.Request) s3test.Fault {
		if isRead(r) {
			r.Header.Del("Range") // so that the answer is the whole object
			return s3test.Fault{CutAfter: 3 << 20}
		}
		return s3test.Fault{}
	})
	var down *blob.UnavailableError
	if _, err := s.read(digest.FromBytes(c)); !errors.As(err, &down) {
		t.Errorf("reading from an object store that ignores ranges: %v, want an UnavailableError", err)
	}
}

// TestBytesChangeOnTheWayThere checks that S3 refuses content that changed on the way, and that nothing becomes visible.
func TestBytesChangeOnTheWayThere(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, size := range []int{small, large} {
		c := blobtest.Random(1, size)
		s.proxy.SetFault(func(r *http.Request) s3test.Fault {
			if r.Method == http.MethodPut {
				return s3test.Fault{FlipRequest: 50_000}
			}
			return s3test.Fault{}
		})
		var down *blob.UnavailableError
		if err := s.publish(c, digest.FromBytes(c)); !errors.As(err, &down) {
			t.Errorf("%d bytes: publish = %v, want an UnavailableError", size, err)
		}
		s.lacks(digest.FromBytes(c))
		s.proxy.SetFault(nil)
		s.mustPublish(c)
		s.serves(c)
	}
}

// TestBytesChangeOnTheWayBack checks that such a blob is not taken for a damaged one, and that a damaged one is.
func TestBytesChangeOnTheWayBack(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	c := blobtest.Random(1, small)
	dg := s.mustPublish(c)
	s.proxy.SetFault(func(r *http.Request) s3test.Fault {
		if isRead(r) {
			return s3test.Fault{Flip: 10}
		}
		return s3test.Fault{}
	})
	r, _, err := s.Open(t.Context(), dg)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var corrupt *blob.CorruptError
	if err := blob.Copy(io.Discard, r, dg, small); !errors.As(err, &corrupt) {
		t.Errorf("Copy() = %v, want a CorruptError", err)
	}
	s.proxy.SetFault(nil)
	if _, err := s.Quarantine(t.Context(), dg); !errors.Is(err, blob.ErrIntact) {
		t.Errorf("Quarantine() = %v, want ErrIntact", err)
	}
	s.serves(c)
}

// TestAnswerIsLost loses the answer to the request that makes the object appear.
func TestAnswerIsLost(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	var lost atomic.Int64
	s.proxy.SetFault(func(r *http.Request) s3test.Fault {
		if isComplete(r) && lost.Add(1) == 1 {
			return s3test.Fault{Lose: true}
		}
		return s3test.Fault{}
	})
	c := blobtest.Random(1, large)
	s.mustPublish(c)
	s.serves(c)
	if lost.Load() == 0 || s.uploads() != 0 {
		t.Errorf("%d requests were to complete an upload, %d uploads are left", lost.Load(), s.uploads())
	}
}

// TestResume interrupts an upload, and checks that the next one sends only the missing parts.
func TestResume(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	c := blobtest.Random(1, 6*16<<20)
	dg := digest.FromBytes(c)
	s.proxy.SetFault(func(r *http.Request) s3test.Fault {
		if isPart(r) && r.URL.Query().Get("partNumber") == "5" {
			s.awaitParts(dg, r.URL.Query().Get("uploadId"), 2)
			return s3test.Fault{Status: http.StatusForbidden, Code: "AccessDenied"}
		}
		return s3test.Fault{}
	})
	if err := s.publish(c, dg); err == nil {
		t.Fatal("publish: no error")
	}
	s.lacks(dg)
	if err := s.CleanStaging(t.Context(), time.Now().Add(-time.Hour)); err != nil || s.uploads() != 1 {
		t.Errorf("CleanStaging() of older uploads = %v, %d are left, want 1", err, s.uploads())
	}
	var sent atomic.Int64
	s.proxy.SetFault(func(r *http.Request) s3test.Fault {
		if isPart(r) {
			sent.Add(1)
		}
		return s3test.Fault{}
	})
	s.mustPublish(c)
	s.serves(c)
	if n := sent.Load(); n < 1 || n > 4 {
		t.Errorf("%d of 6 parts were sent again", n)
	}
	if s.uploads() != 0 {
		t.Errorf("%d uploads are left", s.uploads())
	}
}

// TestResumeOfOtherContent checks that parts of other content, which an attacker may have sent, do not get into an object.
func TestResumeOfOtherContent(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	c := blobtest.Random(1, large)
	dg := digest.FromBytes(c)
	core := minio.Core{Client: s.raw()}
	id, err := core.NewMultipartUpload(t.Context(), s.name, "sha256/"+dg.Encoded(), minio.PutObjectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for part := range 4 {
		other := bytes.NewReader(blobtest.Random(2, 16<<20))
		if _, err := core.PutObjectPart(t.Context(), s.name, "sha256/"+dg.Encoded(), id, part+1, other, other.Size(), minio.PutObjectPartOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	s.mustPublish(c)
	s.serves(c)
}

// TestAbandonedUploads checks that they are removed.
func TestAbandonedUploads(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.proxy.SetFault(func(r *http.Request) s3test.Fault {
		if isComplete(r) {
			return s3test.Fault{Status: http.StatusForbidden, Code: "AccessDenied"}
		}
		return s3test.Fault{}
	})
	for i := range 3 {
		c := blobtest.Random(byte(i), 17<<20)
		if err := s.publish(c, digest.FromBytes(c)); err == nil {
			t.Error("publish: no error")
		}
	}
	if n := s.uploads(); n != 3 {
		t.Fatalf("%d unfinished uploads, want 3", n)
	}
	if err := s.CleanStaging(t.Context(), time.Now().Add(time.Hour)); err != nil || s.uploads() != 0 {
		t.Errorf("CleanStaging() = %v, %d are left", err, s.uploads())
	}
}

// TestWrongDigest checks that content is compared with its digest once more, and that nothing of it stays.
func TestWrongDigest(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, size := range []int{small, large} {
		other := digest.FromString("other")
		var corrupt *blob.CorruptError
		if err := s.publish(blobtest.Random(1, size), other); !errors.As(err, &corrupt) || errors.Is(err, blob.ErrNotFound) {
			t.Errorf("%d bytes: publish = %v, want a CorruptError", size, err)
		}
		s.lacks(other)
		if n := s.uploads(); n != 0 {
			t.Errorf("%d bytes: %d uploads are left", size, n)
		}
	}
}

// TestUnavailable checks that a blob never counts as missing because the object store does not answer, or refuses.
func TestUnavailable(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	c := blobtest.Random(1, small)
	dg := s.mustPublish(c)
	for name, f := range map[string]s3test.Fault{
		"no rights": {Status: http.StatusForbidden, Code: "AccessDenied"}, "no bucket": {Status: http.StatusNotFound, Code: "NoSuchBucket"},
		"internal error": {Status: http.StatusInternalServerError, Code: "InternalError"}, "no answer": {Lose: true},
		"no XML": {Status: http.StatusBadGateway, Code: "</nonsense"},
	} {
		s.proxy.SetFault(func(r *http.Request) s3test.Fault {
			if r.Method == http.MethodHead && f.Code == "NoSuchBucket" {
				return s3test.Fault{} // an answer to HEAD has no code
			}
			return f
		})
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		_, statErr := s.Stat(ctx, dg)
		_, readErr := s.read(dg)
		listErr := s.List(ctx, blob.Served, func(blob.Info) error { return nil })
		cancel()
		if name == "no bucket" {
			statErr = readErr
		}
		for _, err := range []error{statErr, readErr, listErr} {
			var down *blob.UnavailableError
			if !errors.As(err, &down) || errors.Is(err, blob.ErrNotFound) {
				t.Errorf("%s: %v, want an UnavailableError", name, err)
			}
			if strings.Contains(err.Error(), s3test.SecretKey) {
				t.Errorf("%s: the key is in %v", name, err)
			}
		}
	}
}
