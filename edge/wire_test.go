package edge

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// conversation is real traffic between snapd and the Snap Store: requests, each with its answer.
type conversation struct {
	requests []*message
	mu       sync.Mutex
	// seen are the requests that the store in this test got.
	seen []*message
}

// message is a recorded request with its answer.
type message struct {
	name   string
	req    *http.Request
	body   []byte
	status int
	header http.Header
	answer []byte
}

// readConversation reads the recording whose folder is named. Its requests went over several connections: an answer belongs to the last request
// that it can be of.
func readConversation(t *testing.T, dir string) *conversation {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.http"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no recording in %s", dir)
	}
	slices.Sort(files)
	c := &conversation{}
	var open []*message
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(filepath.Base(file), ".req.") {
			m := &message{name: filepath.Base(file)}
			if m.req, err = http.ReadRequest(bufio.NewReader(bytes.NewReader(text))); err != nil {
				t.Fatal(err)
			}
			m.body, _ = io.ReadAll(m.req.Body) // parts of a body were redacted, which is shorter than announced then
			m.req.Header.Del("Content-Length")
			open = append(open, m)
			continue
		}
		resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(text)), nil)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body) // the payload of downloads was not recorded
		i := slices.IndexFunc(open, func(m *message) bool { return m.isAnswered(resp, body) })
		if i < 0 {
			continue
		}
		m := open[i]
		m.status, m.header, m.answer = resp.StatusCode, resp.Header, body
		open = slices.Delete(open, i, i+1)
		c.requests = append(c.requests, m)
	}
	return c
}

// isAnswered reports whether an answer can be the one of the request.
func (m *message) isAnswered(resp *http.Response, body []byte) bool {
	path := m.req.URL.Path
	key := []byte(path[strings.LastIndexByte(path, '/')+1:])
	switch kind := resp.Header.Get("Content-Type"); {
	case strings.HasPrefix(path, "/v2/assertions/"):
		return strings.Contains(kind, "assertion") && bytes.Contains(body, append([]byte(": "), key...))
	case strings.Contains(path, "/download"):
		return false // the edge answers
	case strings.HasSuffix(path, "/devices"):
		return bytes.HasPrefix(body, []byte("type: serial\n"))
	case strings.HasSuffix(path, "/nonces"):
		return bytes.HasPrefix(body, []byte(`{"nonce"`))
	case strings.HasSuffix(path, "/sessions"):
		return bytes.HasPrefix(body, []byte(`{"macaroon"`))
	case strings.HasSuffix(path, "/request-id"):
		return bytes.HasPrefix(body, []byte(`{"request-id"`))
	}
	return strings.Contains(path, "refresh") && bytes.Contains(body, []byte(`"results"`))
}

// ServeHTTP answers as the Snap Store did.
func (c *conversation) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen = append(c.seen, &message{req: r, body: body})
	for _, m := range c.requests {
		if m.req.Method == r.Method && m.req.URL.RequestURI() == r.URL.RequestURI() && bytes.Equal(m.body, body) {
			for k, v := range m.header {
				w.Header()[k] = v
			}
			w.Header().Del("Content-Length") // as for requests
			w.WriteHeader(m.status)
			_, _ = w.Write(bytes.ReplaceAll(m.answer, []byte("https://api.snapcraft.io"), []byte("http://"+r.Host)))
			return
		}
	}
	http.Error(w, "never asked", http.StatusTeapot)
}

// TestRecordedTraffic sends the requests that snapd sent to the Snap Store through the edge. The store gets the same requests, and the device the
// same answers, but for the addresses and the headers of one hop.
func TestRecordedTraffic(t *testing.T) {
	t.Parallel()
	root := os.Getenv("OFFLINESTORE_REALDATA")
	if root == "" {
		t.Skip("OFFLINESTORE_REALDATA names no genuine data")
	}
	c := readConversation(t, filepath.Join(root, "wire/snapd-centos9-2022-11-29"))
	if len(c.requests) < 12 {
		t.Fatalf("%d requests with answers, want the whole conversation", len(c.requests))
	}
	g := newRig(t, c)
	for _, m := range c.requests {
		var headers []string
		for k, vs := range m.req.Header {
			for _, v := range vs {
				headers = append(headers, k, v)
			}
		}
		before := len(c.seen)
		got := g.do(m.req.Method, m.req.URL.RequestURI(), m.body, headers...)
		want := bytes.ReplaceAll(m.answer, []byte("https://api.snapcraft.io"), []byte(g.upstream))
		if got.StatusCode != m.status || !bytes.Equal(g.restore(got.text), want) {
			t.Errorf("%s: got %d\n%.600s\nwant %d\n%.600s", m.name, got.StatusCode, got.text, m.status, want)
		}
		for _, k := range []string{"Content-Type", "Snap-Store-Version"} {
			if got.Header.Get("Age") == "" && got.Header.Get(k) != m.header.Get(k) {
				t.Errorf("%s: %s is %q, want %q", m.name, k, got.Header.Get(k), m.header.Get(k))
			}
		}
		if len(c.seen) == before {
			continue // a kept answer to the same question
		}
		seen := c.seen[len(c.seen)-1]
		seen.req.Header.Del("Content-Length")
		if fmt.Sprint(seen.req.Header) != fmt.Sprint(m.req.Header) || !bytes.Equal(seen.body, m.body) {
			t.Errorf("%s: upstream got\n%v\nwant\n%v", m.name, seen.req.Header, m.req.Header)
		}
	}
}
