package blob_test

import (
	"bytes"
	"context"
	"crypto/sha3"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/opencontainers/go-digest"

	"offlinestore/blob"
)

const benchFiles, benchSize = 12, 32 << 20

// BenchmarkHasher hashes 12 files of 32 MiB, and for comparison hashes them with the standard library on one core.
func BenchmarkHasher(b *testing.B) {
	dir := b.TempDir()
	var files []*os.File
	for i := range benchFiles {
		name := filepath.Join(dir, fmt.Sprint(i))
		check(b, os.WriteFile(name, random(uint64(i), benchSize), 0o600))
		f, err := os.Open(name)
		check(b, err)
		defer f.Close()
		files = append(files, f)
	}
	b.Run("crypto/sha3", func(b *testing.B) {
		b.SetBytes(benchFiles * benchSize)
		buf := make([]byte, 256<<10)
		for b.Loop() {
			for _, f := range files {
				h := sha3.New384()
				_, err := io.CopyBuffer(h, struct{ io.Reader }{io.NewSectionReader(f, 0, benchSize)}, buf)
				check(b, err)
				h.Sum(nil)
			}
		}
	})
	for _, workers := range []int{1, 2} {
		b.Run(fmt.Sprintf("workers=%d", workers), func(b *testing.B) {
			b.SetBytes(benchFiles * benchSize)
			h := blob.NewHasher(workers)
			defer h.Close()
			for b.Loop() {
				var wg sync.WaitGroup
				for _, f := range files {
					wg.Add(1)
					check(b, h.Submit(context.Background(), blob.Job{
						Reader: io.NewSectionReader(f, 0, benchSize), Size: benchSize, Done: func(blob.Sum, error) { wg.Done() },
					}))
				}
				wg.Wait()
			}
		})
	}
}

// BenchmarkStage commits 12 blobs of 32 MiB, and for comparison writes 12 files in large blocks with a sync at the end of each.
func BenchmarkStage(b *testing.B) {
	content := random(1, benchSize)
	b.Run("plain", func(b *testing.B) {
		dir := b.TempDir()
		b.SetBytes(benchFiles * benchSize)
		for b.Loop() {
			for i := range benchFiles {
				writePlain(b, filepath.Join(dir, fmt.Sprint(i)), content)
			}
			b.StopTimer()
			check(b, os.RemoveAll(dir))
			check(b, os.Mkdir(dir, 0o700))
			b.StartTimer()
		}
	})
	for _, perBatch := range []int{1, benchFiles} {
		b.Run(fmt.Sprintf("batch=%d", perBatch), func(b *testing.B) {
			dir := b.TempDir()
			b.SetBytes(benchFiles * benchSize)
			for b.Loop() {
				stageAll(b, dir, content, perBatch)
				b.StopTimer()
				check(b, os.RemoveAll(dir))
				b.StartTimer()
			}
		})
	}
}

func writePlain(b *testing.B, name string, content []byte) {
	f, err := os.Create(name)
	check(b, err)
	_, err = io.CopyBuffer(struct{ io.Writer }{f}, struct{ io.Reader }{bytes.NewReader(content)}, make([]byte, 1<<20))
	check(b, err)
	check(b, f.Sync())
	check(b, f.Close())
}

func stageAll(b *testing.B, dir string, content []byte, perBatch int) {
	d, err := blob.Open(dir)
	check(b, err)
	batch := d.NewBatch()
	for i := range benchFiles {
		s, err := d.Stage(benchSize)
		check(b, err)
		_, err = io.Copy(s, bytes.NewReader(content))
		check(b, err)
		batch.AddBlob(s, digest.FromString(fmt.Sprint(i))) // other benchmarks measure hashing
		if batch.Len() == perBatch {
			check(b, batch.Sync(b.Context()))
		}
	}
	check(b, d.Close())
}

// BenchmarkSmall commits many blobs of the size of icons and assertions.
func BenchmarkSmall(b *testing.B) {
	const blobs = 512
	content := random(1, 16<<10)
	for b.Loop() {
		dir := b.TempDir()
		d, err := blob.Open(dir)
		check(b, err)
		batch := d.NewBatch()
		for i := range blobs {
			batch.AddBlob(stage(b, d, content), digest.FromString(fmt.Sprint(i)))
			if batch.Len() == 64 {
				check(b, batch.Sync(b.Context()))
			}
		}
		check(b, d.Close())
	}
	b.ReportMetric(float64(blobs*b.N)/b.Elapsed().Seconds(), "blobs/s")
}
