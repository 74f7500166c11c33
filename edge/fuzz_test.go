package edge

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"offlinestore/edge/cache"
)

// FuzzRewrite replaces addresses in any JSON. The result is JSON again, and nothing else in it changes.
func FuzzRewrite(f *testing.F) {
	f.Add([]byte(`{"results":[{"snap":{"download":{"url":"https://a/x.snap","size":5,"sha3-384":"` + string(bytes.Repeat([]byte("a"), 96)) + `"},"private":true,"media":[{"type":"icon","url":"https://b/i"}]}}]}`))
	f.Add([]byte(`{"assertion-stream-urls":["https:\/\/a\/b"],"\u0061":[[[{"url":1}]]],"download":{"url":"x","size":-1}}`))
	f.Add([]byte(`[{"type":"oci-image","download":{"hash-sha-256":"` + string(bytes.Repeat([]byte("0"), 64)) + `","size":1,"url":"u"}}]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if !json.Valid(text) {
			return
		}
		s := newScan(text)
		if got := s.apply(func(edit) string { return "" }); !bytes.Equal(got, text) {
			t.Fatalf("without edits, %q becomes %q", text, got)
		}
		got := s.apply(func(e edit) string {
			if e.isWhole() {
				return `{"url":"https://edge.example/x"}`
			}
			return "https://edge.example/x"
		})
		if !json.Valid(got) {
			t.Fatalf("%q becomes %q, which is no JSON", text, got)
		}
		for _, r := range s.results {
			if !json.Valid(text[r.from:r.to]) {
				t.Fatalf("the result %q of %q is no JSON", text[r.from:r.to], text)
			}
		}
	})
}

// FuzzLink reads texts of links. Only texts that this store has made are links, with the same meaning.
func FuzzLink(f *testing.F) {
	l, now := newLinker(secret), time.Date(2026, 11, 30, 8, 0, 0, 0, time.UTC)
	f.Add("", "/api/x", int64(1), false)
	f.Add("sha256:00", "https://cdn.example/x?y", int64(-1), true)
	f.Fuzz(func(t *testing.T, digest, address string, size int64, private bool) {
		if len(address) > maxURL || len(digest) > 200 {
			return
		}
		k := link{file: cache.File{Digest: cache.Digest(digest), Size: size, Private: private}, url: address}
		if private {
			k.expires = now.Add(time.Hour)
		}
		text := l.text(&k)
		got, err := l.read(text, now)
		if err != nil || got.file.Digest != k.file.Digest || got.file.Size != size || got.file.Private != private || got.url != address {
			t.Fatalf("%+v becomes %+v, %v", k, got, err)
		}
		if _, err := l.read(text, now.Add(2*time.Hour)); (err != nil) != private {
			t.Errorf("two hours later: %v", err)
		}
		if _, err := l.read(digest, now); err == nil {
			t.Errorf("%q is a link", digest)
		}
	})
}
