package cache_test

import (
	"context"
	"io"
	"testing"

	"offlinestore/blob"
)

// BenchmarkMiss compares a download through the cache with a direct one.
func BenchmarkMiss(b *testing.B) {
	content := random(1, 64*mib)
	f, up := snap("a.snap", content), serve(b, content)
	b.Run("direct", func(b *testing.B) {
		b.SetBytes(int64(len(content)))
		for b.Loop() {
			body, _, _, err := up.get(context.Background(), 0)
			check(b, err)
			_, err = io.Copy(io.Discard, body)
			check(b, err)
			body.Close()
		}
	})
	b.Run("hashed", func(b *testing.B) {
		b.SetBytes(int64(len(content)))
		for b.Loop() {
			blob.NewSums(blob.SHA3384).Write(content)
		}
	})
	b.Run("cache", func(b *testing.B) {
		b.SetBytes(int64(len(content)))
		for b.Loop() {
			b.StopTimer()
			c := open(b, b.TempDir(), quick(1000*mib))
			b.StartTimer()
			r, err := c.Get(context.Background(), f, up.get)
			check(b, err)
			_, err = io.Copy(io.Discard, r)
			check(b, err)
			b.StopTimer()
			check(b, r.Close())
			check(b, c.Close())
			b.StartTimer()
		}
	})
}

// BenchmarkHit opens and closes a file of the cache.
func BenchmarkHit(b *testing.B) {
	i := items(1)[0]
	c := open(b, b.TempDir(), quick(1000*mib))
	add(b, c, i)
	for b.Loop() {
		r, err := c.Get(context.Background(), i.File, nil)
		check(b, err)
		check(b, r.Close())
	}
}
