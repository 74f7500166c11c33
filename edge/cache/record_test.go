package cache_test

import (
	"bytes"
	"strings"
	"testing"

	"offlinestore/edge/cache"
)

// FuzzRecord reads records that anybody may have written. An accepted one stays the same when it is written and read again.
func FuzzRecord(f *testing.F) {
	sha256, sha3 := strings.Repeat("a", 64), strings.Repeat("b", 96)
	good := `{"digest":"sha3-384:` + sha3 + `","sha256":"sha256:` + sha256 + `","size":5,"name":"a.snap","private":true,"pinned":true,"added":"2026-11-30T07:00:00Z"}`
	f.Add([]byte(good))
	f.Add([]byte(strings.Replace(good, "sha3-384:"+sha3, "sha256:"+sha256, 1)))
	f.Add([]byte(good + good))
	f.Add([]byte(strings.Replace(good, "5", "-5", 1)))
	f.Add([]byte("null"))
	f.Fuzz(func(t *testing.T, data []byte) {
		first, err := cache.ParseRecord(data)
		if err != nil {
			return
		}
		second, err := cache.ParseRecord(first)
		if err != nil || !bytes.Equal(first, second) {
			t.Errorf("%q is read as %q, and that as %q: %v", data, first, second, err)
		}
	})
}
