package blob_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/opencontainers/go-digest"

	"offlinestore/blob"
)

func TestCheckDigest(t *testing.T) {
	t.Parallel()
	good := digest.FromString("x")
	if err := blob.CheckDigest(good); err != nil {
		t.Errorf("CheckDigest(%q) = %v", good, err)
	}
	hex := good.Encoded()
	for _, bad := range []string{
		"", "sha256:", hex, "sha256:" + hex[1:], "sha256:" + hex + "0", "sha256:" + strings.ToUpper(hex), "SHA256:" + hex,
		"sha512:" + hex + hex, "md5:d41d8cd98f00b204e9800998ecf8427e", "sha256:../../" + hex[6:], "sha256:" + hex[1:] + "\n",
	} {
		if err := blob.CheckDigest(blob.Digest(bad)); !errors.Is(err, blob.ErrInvalidDigest) {
			t.Errorf("CheckDigest(%q) = %v, want ErrInvalidDigest", bad, err)
		}
	}
}

func TestSHA256(t *testing.T) {
	t.Parallel()
	content := random(1, 70000)
	h := blob.NewSums(blob.SHA256)
	io.Copy(h, iotest.HalfReader(bytes.NewReader(content)))
	if got, want := h.Digest(), digest.FromBytes(content); got != want || h.Size() != 70000 {
		t.Errorf("digest %v, size %d, want %v, 70000", got, h.Size(), want)
	}
}

func TestVerifyReader(t *testing.T) {
	t.Parallel()
	content := []byte("the content of a blob")
	dg, other := digest.FromBytes(content), digest.FromString("another")
	broken := errors.New("broken")
	for name, tc := range map[string]struct {
		content []byte
		end     error
		dg      blob.Digest
		size    int64
		want    error
		read    int
	}{
		"good":              {content, io.EOF, dg, 21, nil, 21},
		"short":             {content[:20], io.EOF, dg, 21, io.ErrUnexpectedEOF, 20},
		"empty":             {nil, io.EOF, dg, 21, io.ErrUnexpectedEOF, 0},
		"trailing":          {content, io.EOF, digest.FromBytes(content[:20]), 20, blob.ErrTrailingData, 20},
		"wrong":             {content, io.EOF, other, 21, blob.ErrWrongDigest, 21},
		"no digest":         {content, io.EOF, "sha256:00", 21, blob.ErrInvalidDigest, 0},
		"broken":            {content[:5], broken, dg, 21, broken, 5},
		"broken at its end": {content, broken, dg, 21, broken, 21},
	} {
		for _, wrap := range []func(io.Reader) io.Reader{iotest.HalfReader, iotest.OneByteReader, iotest.DataErrReader} {
			r := wrap(io.MultiReader(bytes.NewReader(tc.content), iotest.ErrReader(tc.end)))
			got, err := io.ReadAll(blob.NewVerifyReader(r, tc.dg, tc.size))
			if !errors.Is(err, tc.want) || len(got) != tc.read {
				t.Errorf("%s: read %d bytes, %v, want %d, %v", name, len(got), err, tc.read, tc.want)
			}
			var corrupt *blob.CorruptError
			if want := tc.want != nil && tc.want != broken && tc.want != blob.ErrInvalidDigest; errors.As(err, &corrupt) != want {
				t.Errorf("%s: %v is a CorruptError: %t, want %t", name, err, !want, want)
			}
		}
	}
}

func TestVerifyReaderKeepsItsVerdict(t *testing.T) {
	t.Parallel()
	v := blob.NewVerifyReader(strings.NewReader("abc"), digest.FromString("abd"), 3)
	io.ReadAll(v)
	for range 2 {
		if n, err := v.Read(make([]byte, 8)); n != 0 || !errors.Is(err, blob.ErrWrongDigest) {
			t.Errorf("Read() = %d, %v, want 0, ErrWrongDigest", n, err)
		}
	}
	var corrupt *blob.CorruptError
	if _, err := v.Read(make([]byte, 8)); !errors.As(err, &corrupt) || corrupt.Got != digest.FromString("abc") {
		t.Errorf("the error %v does not name the digest that was found", err)
	}
}
