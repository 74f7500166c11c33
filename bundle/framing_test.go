package bundle_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"slices"
	"testing"

	"github.com/klauspost/compress/zstd"

	"offlinestore/bundle"
)

// zstdOf frames b with the encoder's default frame, changed by options.
func zstdOf(t *testing.T, b []byte, options ...zstd.EOption) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := zstd.NewWriter(&out, append([]zstd.EOption{zstd.WithWindowSize(1 << 20), zstd.WithEncoderConcurrency(1)}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Flush(), w.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func gunzipable(t *testing.T, b []byte, level int) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, level)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestFraming gives the reader other encodings of the same content, and invalid ones.
func TestFraming(t *testing.T) {
	t.Parallel()
	c := sample(t)
	s := c.seal(t)
	plain, gz, zst := c.pack(t, s, bundle.None), c.pack(t, s, bundle.Gzip), c.pack(t, s, bundle.Zstd)
	skippable := []byte{0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 'a', 'b', 'c'}
	emptyMember := gzipOf(nil)
	lastEmpty := slices.Concat(gz[:10], bytes.Replace(gz[10:len(gz)-8], []byte{1}, []byte{0}, 1))
	tests := map[string][]byte{
		"empty":                         nil,
		"text":                          []byte("hello"),
		"zeros":                         make([]byte, 4096),
		"tar and a byte":                append(slices.Clone(plain), 0),
		"tar and a block of zeros":      append(slices.Clone(plain), make([]byte, 512)...),
		"tar twice":                     append(slices.Clone(plain), plain...),
		"tar with one block at its end": plain[:len(plain)-512],
		"gzip and a byte":               append(slices.Clone(gz), 0),
		"gzip twice":                    append(slices.Clone(gz), gz...),
		"gzip and an empty member":      append(slices.Clone(gz), emptyMember...),
		"empty member and gzip":         append(slices.Clone(emptyMember), gz...),
		"gzip of more than the tar":     gzipOf(append(slices.Clone(plain), 0)),
		"gzip of a block too many":      gzipOf(append(slices.Clone(plain), make([]byte, 512)...)),
		"gzip by another program":       gunzipable(t, plain, gzip.BestSpeed),
		"gzip, stored by another":       gunzipable(t, plain, gzip.NoCompression),
		"gzip in gzip":                  gzipOf(gz),
		"gzip that says it goes on":     lastEmpty,
		"gzip ending in an empty block": emptyLastBlock(plain),
		"zstd and a byte":               append(slices.Clone(zst), 0),
		"zstd twice":                    append(slices.Clone(zst), zst...),
		"zstd and a skippable frame":    append(slices.Clone(zst), skippable...),
		"skippable frame and zstd":      append(slices.Clone(skippable), zst...),
		"zstd of more than the tar":     zstdOf(t, append(slices.Clone(plain), 0)),
		"zstd without a checksum":       zstdOf(t, plain, zstd.WithEncoderCRC(false)),
		"zstd with a large window":      zstdOf(t, plain, zstd.WithWindowSize(8<<20)),
		"zstd with a small window":      zstdOf(t, plain, zstd.WithWindowSize(512<<10)),
		"zstd with its size":            single(t, plain),
		"zstd of a block of 2 MiB":      append(slices.Clone(zst[:6]), 0xfd, 0xff, 0xff, 0, 0),
		"zstd of a reserved block":      append(slices.Clone(zst[:6]), 0x07, 0x01, 0x00, 0, 0),
	}
	for name, b := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := receiveBytes(t, b); !refused(err) {
				t.Errorf("got %v", err)
			}
		})
	}
	if got, err := receiveBytes(t, zstdOf(t, plain, zstd.WithEncoderLevel(zstd.SpeedBetterCompression), zstd.WithWindowSize(1<<20))); err != nil {
		t.Errorf("zstd at another level: %v", err)
	} else {
		checkReceived(t, got, c, s)
	}
}

func TestNotBundle(t *testing.T) {
	t.Parallel()
	for name, b := range map[string][]byte{"empty": nil, "text": []byte("hello"), "zeros": make([]byte, 4096), "another tar": tarHeaderOf("README", 0)} {
		if _, err := receiveBytes(t, b); !errors.Is(err, bundle.ErrNotBundle) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// emptyLastBlock returns a gzip file whose last deflate block is empty.
func emptyLastBlock(plain []byte) []byte {
	plain = plain[:len(plain)/65535*65535]
	gz := gzipOf(plain)
	last := len(gz) - 8 - 5 - 65535
	gz[last] = 0
	return slices.Concat(gz[:len(gz)-8], []byte{1, 0, 0, 0xff, 0xff}, gz[len(gz)-8:])
}

func single(t *testing.T, b []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return w.EncodeAll(b, nil)
}

// TestBomb packs gigabytes of zeros in place of index.json. The reader must use little memory for them.
func TestBomb(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	w, err := zstd.NewWriter(&out, zstd.WithWindowSize(1<<20), zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	files := sample(t).forge().seal(testKey())
	head := tarOf(files[:1])
	if _, err := w.Write(head[:len(head)-1024]); err != nil {
		t.Fatal(err)
	}
	for _, size := range []int64{bundle.MaxIndexSize, bundle.MaxIndexSize + 1, 1 << 32} {
		h := tarHeaderOf("index.json", size)
		if _, err := w.Write(h); err != nil {
			t.Fatal(err)
		}
		zeros := make([]byte, 1<<20)
		for range 64 {
			if _, err := w.Write(zeros); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := receiveBytes(t, out.Bytes()); !errors.Is(err, bundle.ErrCorrupt) {
		t.Errorf("got %v", err)
	}
}
