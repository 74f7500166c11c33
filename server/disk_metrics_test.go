package server_test

import (
	"fmt"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"offlinestore/blob"
	"offlinestore/server"
)

// TestDiskMetrics checks the figures of the disk, and that the blobs are counted again after a while only.
func TestDiskMetrics(t *testing.T) {
	t.Parallel()
	blobs, err := blob.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1_700_000_000, 0)
	s := server.New(server.Config{Blobs: blobs.Storage(), Now: func() time.Time { return now }})
	figure := func(name string) string {
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
		m := regexp.MustCompile(`(?m)^offlinestore_` + name + ` (\S+)$`).FindStringSubmatch(w.Body.String())
		if m == nil {
			t.Fatalf("no %s in the metrics", name)
		}
		return m[1]
	}
	add := func(text string) {
		path, err := blobs.Path(digest.FromString(text))
		if err == nil {
			err = os.WriteFile(path, []byte(text), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	var free, size float64
	if _, err := fmt.Sscan(figure("data_free_bytes")+" "+figure("data_size_bytes"), &free, &size); err != nil || free <= 0 || size < free {
		t.Errorf("%g bytes of %g are free (%v)", free, size, err)
	}
	add(strings.Repeat("a", 100))
	if got := figure("blob_bytes"); got != "0" {
		t.Errorf("blob_bytes is %s at once, want the former 0", got)
	}
	add("b")
	now = now.Add(6 * time.Minute)
	if got := figure("blob_bytes"); got != "101" {
		t.Errorf("blob_bytes is %s, want 101", got)
	}
}
