package blob_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"testing/iotest"

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
