package blob_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"testing/iotest"
	"time"

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
