package s3_test

import (
	"io"
	"runtime"
	"testing"

	"offlinestore/blob"
	"offlinestore/internal/blobtest"
	"offlinestore/internal/s3test"
)

// TestMemory holds that reading and publishing a blob take the same memory for every size. Nothing else runs beside it.
func TestMemory(t *testing.T) {
	server := s3test.Start(t)
	s := &site{t: t, server: server, Bucket: s3test.Open(t, server.URL)}
	const size, most = 96 << 20, 6 << 20
	content := blobtest.Random(1, size)
	dir, err := blob.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	staged, err := dir.Stage(size)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := staged.Write(content); err != nil {
		t.Fatal(err)
	}
	sums := blob.NewSums(blob.SHA256)
	sums.Write(content)
	batch := dir.StorageIn(blob.Places{Backend: s.Bucket}).NewBatch()
	batch.AddBlob(staged, sums.Digest())
	allocated := func(do func() error) uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if err := do(); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	if n := allocated(func() error { return batch.Sync(t.Context()) }); n > most {
		t.Errorf("publishing %d bytes allocates %d, want at most %d", size, n, most)
	}
	read := func() error {
		r, _, err := s.Open(t.Context(), sums.Digest())
		if err != nil {
			return err
		}
		defer r.Close()
		_, err = io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{r}, make([]byte, 32<<10))
		return err
	}
	if n := allocated(read); n > most {
		t.Errorf("reading %d bytes allocates %d, want at most %d", size, n, most)
	}
}
