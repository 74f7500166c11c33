package blob_test

import (
	"bytes"
	"context"
	"crypto/sha3"
	"crypto/sha512"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/opencontainers/go-digest"

	"offlinestore/blob"
)

func TestSums(t *testing.T) {
	t.Parallel()
	const text = "some bytes"
	sums := blob.NewSums(blob.SHA256 | blob.SHA384)
	io.WriteString(sums, "forgotten")
	sums.Reset()
	io.Copy(sums, iotest.OneByteReader(strings.NewReader(text)))
	if got, want := sums.Digest(), digest.FromString(text); got != want || sums.Size() != int64(len(text)) {
		t.Errorf("Digest of %d bytes = %s, want %s of %d bytes", sums.Size(), got, want, len(text))
	}
	want := fmt.Sprintf("%x", sha512.Sum384([]byte(text)))
	if got := sums.Hex(blob.SHA384); got != want {
		t.Errorf("Hex(SHA384) = %s, want %s", got, want)
	}
	if got := sums.Hex(blob.SHA3384); got != "" {
		t.Errorf("Hex of an algorithm that was not asked for = %q, want none", got)
	}
	if err := sums.Verify(blob.SHA384, want); err != nil {
		t.Errorf("Verify(SHA384, its digest) = %v, want nil", err)
	}
	var wrong *blob.SumError
	if err := sums.Verify(blob.SHA384, "00"); !errors.As(err, &wrong) || wrong.Got != want || wrong.Want != "00" || wrong.Algorithm.String() != "SHA-384" {
		t.Errorf("Verify(SHA384, another digest) = %v, want a SumError with both", err)
	}
	third := blob.NewSums(blob.SHA3384)
	io.WriteString(third, text)
	if got, want := third.Hex(blob.SHA3384), fmt.Sprintf("%x", sha3.Sum384([]byte(text))); got != want {
		t.Errorf("Hex(SHA3384) = %s, want %s", got, want)
	}
}

func TestMeter(t *testing.T) {
	t.Parallel()
	var told int64
	m := blob.NewMeter(t.Context(), iotest.HalfReader(strings.NewReader("0123456789")), func(n int64) { told += n })
	if got, err := io.ReadAll(m); string(got) != "0123456789" || err != nil || m.Err() != nil {
		t.Errorf("ReadAll = %q, %v, Err = %v; want all and no error", got, err, m.Err())
	}
	if m.Size() != 10 || told != 10 {
		t.Errorf("Size = %d and %d were told, want 10", m.Size(), told)
	}

	broken := errors.New("broken")
	m = blob.NewMeter(t.Context(), iotest.ErrReader(broken), nil)
	if _, err := m.Read(make([]byte, 1)); err != broken || m.Err() != broken {
		t.Errorf("Read = %v, Err = %v; want the reader's error", err, m.Err())
	}

	ctx, cancel := context.WithCancelCause(t.Context())
	m = blob.NewMeter(ctx, strings.NewReader("0123456789"), nil)
	m.Read(make([]byte, 4))
	cancel(broken)
	if n, err := m.Read(make([]byte, 4)); n != 0 || err != broken || m.Err() != broken || m.Size() != 4 {
		t.Errorf("Read after the end of the context = %d, %v, Err = %v after %d bytes; want 0, its cause, after 4", n, err, m.Err(), m.Size())
	}
}

func TestCopy(t *testing.T) {
	t.Parallel()
	data := bytes.Repeat([]byte("0123456789"), 60_000)
	dg, size := digest.FromBytes(data), int64(len(data))
	var out bytes.Buffer
	if err := blob.Copy(&out, bytes.NewReader(data), dg, size); err != nil || !bytes.Equal(out.Bytes(), data) {
		t.Errorf("Copy = %v after %d bytes, want nil after %d", err, out.Len(), size)
	}
	if err := blob.Copy(io.Discard, strings.NewReader(""), digest.FromString(""), 0); err != nil {
		t.Errorf("Copy of an empty blob = %v, want nil", err)
	}
	for name, c := range map[string]struct {
		data []byte
		want error
	}{
		"shorter": {data[1:], io.ErrUnexpectedEOF}, "longer": {append(data[:size:size], 0), blob.ErrTrailingData},
		"another": {append(data[:size-1:size-1], 'x'), blob.ErrWrongDigest},
	} {
		var corrupt *blob.CorruptError
		if err := blob.Copy(io.Discard, bytes.NewReader(c.data), dg, size); !errors.As(err, &corrupt) || !errors.Is(err, c.want) {
			t.Errorf("Copy of %s content = %v, want a CorruptError with %v", name, err, c.want)
		}
	}
	full := errors.New("disk full")
	if err := blob.Copy(errWriter{full}, bytes.NewReader(data), dg, size); err != full {
		t.Errorf("Copy to a broken writer = %v, want its error", err)
	}
}

type errWriter struct{ err error }

func (w errWriter) Write([]byte) (int, error) { return 0, w.err }
