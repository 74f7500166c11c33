package registry_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"offlinestore/registry"
)

// connection is a ResponseWriter like the HTTP server's: it can send a file by itself, and has a deadline.
type connection struct {
	*httptest.ResponseRecorder
	chunks    []int64
	deadlines []time.Time
	whole     bool // each chunk came straight from a file
}

func (c *connection) SetWriteDeadline(t time.Time) error {
	c.deadlines = append(c.deadlines, t)
	return nil
}

func (c *connection) ReadFrom(src io.Reader) (int64, error) {
	limited, ok := src.(*io.LimitedReader)
	if ok {
		_, ok = limited.R.(*os.File)
	}
	c.whole = c.whole && ok
	n, err := io.Copy(c.ResponseRecorder, src)
	c.chunks = append(c.chunks, n)
	return n, err
}

// TestLargeBlobs checks that a blob is sent by sendfile, and that a slow client has time for each part of it.
func TestLargeBlobs(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	img := value(mutate.AppendLayers(randomImage(t), value(random.Layer(5<<19, types.DockerLayer))(t)))(t)
	f.resource("db", "image", "db:1", f.image(img))
	layer := f.cat.Images[0].Blobs[3]
	r := registry.New(registry.Config{Blobs: f.blobs.Storage()})
	must(t, r.SetSnapshot(f.cat))
	conn := &connection{ResponseRecorder: httptest.NewRecorder(), whole: true}
	r.Handler().ServeHTTP(conn, httptest.NewRequest(http.MethodGet, "/v2/db/blobs/"+layer.Digest.String(), nil))
	var total int64
	for _, n := range conn.chunks {
		total += n
		if n > 1<<20 {
			t.Errorf("a part of %d bytes has one deadline, want at most 1 MiB", n)
		}
	}
	if total != layer.Size || int64(conn.Body.Len()) != layer.Size {
		t.Errorf("sent %d bytes, %d of them as parts of a file, want %d", conn.Body.Len(), total, layer.Size)
	}
	if !conn.whole || len(conn.deadlines) < len(conn.chunks) || len(conn.chunks) < 3 {
		t.Errorf("%d parts, %d deadlines, from the file itself: %v", len(conn.chunks), len(conn.deadlines), conn.whole)
	}
	for _, d := range conn.deadlines {
		if left := time.Until(d); left < time.Minute {
			t.Errorf("a deadline is %s away", left)
		}
	}
}
