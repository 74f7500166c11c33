package blob_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"github.com/opencontainers/go-digest"

	"offlinestore/blob"
)

// TestFollow hashes a blob while it is written.
func TestFollow(t *testing.T) {
	t.Parallel()
	d := open(t, t.TempDir())
	content := random(9, 3<<20+5)
	s, err := d.Stage(int64(len(content)))
	check(t, err)
	defer s.Discard()
	h := blob.NewHasher(1)
	defer h.Close()
	done := make(chan struct{})
	check(t, h.Submit(context.Background(), blob.Job{Reader: s.Follow(), Size: s.Size(), SHA256: true, Done: func(sum blob.Sum, err error) {
		checkSum(t, content, true, sum, err)
		close(done)
	}}))
	_, err = s.ReadFrom(iotest.HalfReader(bytes.NewReader(content)))
	check(t, err)
	s.EndFollow()
	<-done
}

// TestFollowShort ends a blob early: a reader delivers the written bytes, and an error for the others.
func TestFollowShort(t *testing.T) {
	t.Parallel()
	d := open(t, t.TempDir())
	s, err := d.Stage(100)
	check(t, err)
	defer s.Discard()
	got := make(chan []byte, 1)
	go func() {
		b, err := io.ReadAll(s.Follow())
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("ReadAll() = %v, want io.ErrUnexpectedEOF", err)
		}
		got <- b
	}()
	_, err = s.Write([]byte("the beginning"))
	check(t, err)
	s.EndFollow()
	if b := <-got; string(b) != "the beginning" {
		t.Errorf("the reader delivered %q", b)
	}
}

func TestFollowersWait(t *testing.T) {
	t.Parallel()
	f := blob.NewFollowers()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if n, err := f.Wait(ctx, 100, 10); n != 0 || err != nil {
		t.Errorf("Wait(far ahead) = %d, %v, want 0 at once", n, err)
	}
	time.AfterFunc(time.Millisecond, func() { f.Tell(30) })
	if n, err := f.Wait(ctx, 10, 10); n != 20 || err != nil || f.Written() != 30 {
		t.Errorf("Wait(10) = %d, %v, Written() = %d, want the 20 bytes up to 30", n, err, f.Written())
	}
	time.AfterFunc(time.Millisecond, cancel)
	if _, err := f.Wait(ctx, 30, 10); !errors.Is(err, context.Canceled) {
		t.Errorf("Wait() = %v, want the end of the context", err)
	}
	time.AfterFunc(time.Millisecond, f.End)
	if n, err := f.Wait(context.Background(), 30, 10); n != 0 || err != nil || !f.Ended() {
		t.Errorf("Wait() = %d, %v, want 0 after the end", n, err)
	}
}

// TestWriteBack writes a blob to the disk while a reader is behind it, and commits it.
func TestWriteBack(t *testing.T) {
	t.Parallel()
	d := open(t, t.TempDir())
	content := random(7, 20<<20+5)
	s, err := d.Stage(int64(len(content)))
	check(t, err)
	defer s.Discard()
	_, err = s.ReadFrom(bytes.NewReader(content))
	check(t, err)
	s.EndFollow()
	r := s.Follow()
	ended := make(chan struct{})
	go func() {
		r.WriteBack()
		close(ended)
	}()
	got, err := io.ReadAll(r)
	check(t, err)
	if !bytes.Equal(got, content) {
		t.Error("the reader got other bytes")
	}
	select {
	case <-ended:
		t.Error("WriteBack ended before its reader")
	case <-time.After(10 * time.Millisecond):
	}
	r.Close()
	<-ended
	check(t, s.Commit(digest.FromBytes(content)))
}

// TestWriteBackFails commits a blob after the disk failed behind a reader, which the kernel tells only once.
func TestWriteBackFails(t *testing.T) {
	t.Parallel()
	d := open(t, t.TempDir())
	content := []byte("x")
	s := stage(t, d, content)
	broken := &os.PathError{Op: "fdatasync", Path: "blob", Err: syscall.EIO}
	blob.FailWriteBack(s, broken)
	if err := s.Commit(digest.FromBytes(content)); !errors.Is(err, syscall.EIO) {
		t.Errorf("Commit() = %v, want %v", err, broken)
	}
	if d.Has(digest.FromBytes(content)) {
		t.Error("the blob was committed")
	}
}
