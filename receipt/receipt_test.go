package receipt_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"offlinestore/audit"
	"offlinestore/receipt"
)

func newKey(t testing.TB) audit.Key {
	t.Helper()
	k, err := audit.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func digests(n int) []digest.Digest {
	list := make([]digest.Digest, n)
	for i := range list {
		list[i] = digest.FromBytes(binary.LittleEndian.AppendUint32(nil, uint32(i)))
	}
	return list
}

func sample(t testing.TB, blobs int) *receipt.Receipt {
	t.Helper()
	set, err := receipt.NewBlobs(append(digests(blobs), digests(blobs/2)...))
	if err != nil {
		t.Fatal(err)
	}
	return &receipt.Receipt{
		Store: "FqXn8Q3r", Created: time.Date(2026, 11, 29, 20, 0, 0, 0, time.UTC), Generation: 7, Blobs: set,
		Channels:  []receipt.Channel{{Kind: "snap", Name: "jq", Platform: "amd64", Channel: "latest/stable", Revision: 6}},
		Exporters: []receipt.Exporter{{Key: "sha256:00", Bundle: digest.FromString("x"), Sequence: 3, Created: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)}},
	}
}

func sign(t testing.TB, r *receipt.Receipt, k audit.Key) []byte {
	t.Helper()
	file, err := r.Sign(k)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	k := newKey(t)
	for _, n := range []int{0, 1, 300} {
		want := sample(t, n)
		s, err := receipt.Parse(sign(t, want, k))
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.Verify(k.Public())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(got, want, cmp.Comparer(func(a, b receipt.Blobs) bool { return a.Len() == b.Len() })); diff != "" {
			t.Errorf("%d blobs (-got +want):\n%s", n, diff)
		}
		if got.Blobs.Len() != n {
			t.Errorf("%d blobs, want %d", got.Blobs.Len(), n)
		}
		for i, d := range digests(n + 10) {
			if got.Blobs.Has(d) != (i < n) {
				t.Errorf("blob %d of %d: Has = %t", i, n, i >= n)
			}
		}
		if got.Blobs.Has("sha256:x") || got.Blobs.Has(digest.Digest("sha512:"+strings.Repeat("0", 64))) {
			t.Error("it has what is no digest")
		}
	}
}

// TestAltered flips each byte of a receipt. No result is verified.
func TestAltered(t *testing.T) {
	t.Parallel()
	k := newKey(t)
	file := sign(t, sample(t, 2), k)
	for i := range len(file) - 1 { // the last one is a line end
		altered := bytes.Clone(file)
		altered[i] ^= 1
		s, err := receipt.Parse(altered)
		if err == nil {
			_, err = s.Verify(k.Public())
		}
		if !errors.Is(err, receipt.ErrForm) && !errors.Is(err, receipt.ErrSignature) {
			t.Fatalf("byte %d, %q: %v", i, file[i], err)
		}
	}
	for n := range len(file) - 1 {
		if _, err := receipt.Parse(file[:n]); !errors.Is(err, receipt.ErrForm) {
			t.Fatalf("cut off at %d: %v", n, err)
		}
	}
}

// TestForeign refuses receipts of other stores, and other signatures of the store's key.
func TestForeign(t *testing.T) {
	t.Parallel()
	k, other := newKey(t), newKey(t)
	s, err := receipt.Parse(sign(t, sample(t, 2), other))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Verify(k.Public()); !errors.Is(err, receipt.ErrSignature) {
		t.Errorf("another store's: %v", err)
	}
	head, err := k.SignHead(audit.Tip{}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"a head of the audit trail": string(head.Content), "no JSON": "x", "a list": "[]", "another format": `{"type":"offlinestore receipt","format":2}`,
		"an unknown member": `{"type":"offlinestore receipt","format":1,"x":1}`, "blobs out of order": `{"type":"offlinestore receipt","format":1,"blobs":"` + unsorted() + `"}`,
		"half a blob": `{"type":"offlinestore receipt","format":1,"blobs":"AAAA"}`} {
		file := fmt.Sprintf(`{"receipt":%s,"signature":"%s"}`, text, base64.StdEncoding.EncodeToString(k.Sign([]byte(text))))
		if _, err := receipt.Parse([]byte(file)); !errors.Is(err, receipt.ErrForm) {
			t.Errorf("%s: %v, want ErrForm", name, err)
		}
	}
}

func unsorted() string {
	return base64.StdEncoding.EncodeToString(append(bytes.Repeat([]byte{2}, 16), bytes.Repeat([]byte{1}, 16)...))
}

func FuzzParse(f *testing.F) {
	f.Add(sign(f, sample(f, 3), newKey(f)))
	f.Fuzz(func(t *testing.T, file []byte) {
		if s, err := receipt.Parse(file); err == nil {
			_, _ = s.Verify(newKey(t).Public())
		} else if !errors.Is(err, receipt.ErrForm) {
			t.Error(err)
		}
	})
}

// BenchmarkParse reads and verifies a receipt of 200,000 blobs, and looks each of them up.
func BenchmarkParse(b *testing.B) {
	k := newKey(b)
	file := sign(b, sample(b, 200_000), k)
	all := digests(200_000)
	b.ReportMetric(float64(len(file)), "bytes")
	for b.Loop() {
		s, err := receipt.Parse(file)
		if err != nil {
			b.Fatal(err)
		}
		r, err := s.Verify(k.Public())
		if err != nil || slices.ContainsFunc(all, func(d digest.Digest) bool { return !r.Blobs.Has(d) }) {
			b.Fatal(err)
		}
	}
}
