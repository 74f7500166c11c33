package server_test

import (
	"bufio"
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"offlinestore/assertion"
	"offlinestore/catalog"
	"offlinestore/internal/genuine"
	"offlinestore/internal/pgtest"
)

// recorded reads all requests, and all responses by their number.
func recorded(t *testing.T, dir string) (requests []exchange, responses map[string]exchange) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.http"))
	if err != nil || len(names) != 50 {
		t.Fatalf("%d recorded messages (%v), want 50", len(names), err)
	}
	slices.Sort(names)
	responses = map[string]exchange{}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		x := exchange{name: filepath.Base(name)[:3]}
		head, body, ok := bytes.Cut(text, []byte("\r\n\r\n"))
		if !ok {
			t.Fatalf("%s: no end of the headers", name)
		}
		// The recorded lengths are those before the bodies were redacted or dropped.
		r := bufio.NewReader(bytes.NewReader(append(head, "\r\n\r\n"...)))
		if strings.Contains(name, ".req.") {
			x.req, err = http.ReadRequest(r)
			x.body = string(body)
			requests = append(requests, x)
		} else {
			x.resp, err = http.ReadResponse(r, nil)
			x.want = body
			responses[x.name] = x
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	return requests, responses
}

// pair finds each request's answer. Assertions are found by their content and downloads by their file; other answers are the next
// message.
func pair(t *testing.T, requests []exchange, responses map[string]exchange) []exchange {
	t.Helper()
	var out []exchange
	for _, x := range requests {
		var n int
		if _, err := fmt.Sscanf(x.name, "%03d", &n); err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(x.req.URL.Path, "/download-origin/") {
			continue // an answer of the CDN, compared in our download
		}
		answer, ok := responses[fmt.Sprintf("%03d", n+1)]
		switch kindOf(x.req) {
		case "assertion":
			answer, ok = answerWith(responses, func(r exchange) bool { return holds(r, x.req.URL.Path) })
		case "download":
			answer, ok = answerWith(responses, func(r exchange) bool {
				return strings.Contains(r.resp.Header.Get("Content-Disposition"), filepath.Base(x.req.URL.Path))
			})
		case "registration":
			ok = true
		}
		if !ok {
			t.Fatalf("request %s %s: no recorded answer", x.name, x.req.URL)
		}
		x.resp, x.want = answer.resp, answer.want
		out = append(out, x)
	}
	return out
}

func answerWith(responses map[string]exchange, match func(exchange) bool) (exchange, bool) {
	for _, r := range responses {
		if match(r) {
			return r, true
		}
	}
	return exchange{}, false
}

func holds(r exchange, path string) bool {
	a, err := assertion.Decode(r.want)
	return err == nil && "/v2/assertions/"+a.Ref().String() == path
}

// recordedCatalog returns the catalogue that package catalog makes of the recording, by way of PostgreSQL.
func recordedCatalog(t *testing.T, b *blobs) *catalog.Snapshot {
	t.Helper()
	dsn := pgtest.New(t)
	if err := genuine.Fill(t.Context(), dsn, b.dir, realdata(t)); err != nil {
		t.Fatal(err)
	}
	r, err := catalog.OpenReader(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	c, err := r.LoadSnapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return c
}
