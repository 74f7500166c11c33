package server_test

import (
	"regexp"
	"strings"
	"testing"

	"offlinestore/server"
)

func TestDocumentation(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	h := serve(t, b, catalogue(b), server.Config{}).Handler()
	index := call(t, h, "GET", "/docs/", "")
	body := bodyOf(t, index)
	if index.StatusCode != 200 || !strings.HasPrefix(index.Header.Get("Content-Type"), "text/html") {
		t.Fatalf("GET /docs/ = %d, %v", index.StatusCode, index.Header)
	}
	links := regexp.MustCompile(`<a href="([a-z.-]+)">`).FindAllStringSubmatch(body, -1)
	if len(links) < 8 {
		t.Errorf("the index has %d links: %s", len(links), body)
	}
	for _, link := range append(links, []string{"", "style.css"}, []string{"", "operating.md"}) {
		r := call(t, h, "GET", "/docs/"+link[1], "")
		body := bodyOf(t, r)
		if r.StatusCode != 200 || len(body) < 200 {
			t.Errorf("%s: %d, %d bytes", link[1], r.StatusCode, len(body))
		}
		if policy := r.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: policy %q", link[1], policy)
		}
		if strings.Contains(body, "<script") || strings.Contains(body, " style=\"") || regexp.MustCompile(`src="?http`).MatchString(body) {
			t.Errorf("%s: has a script, or what the policy forbids or a host without internet lacks", link[1])
		}
	}
	for _, path := range []string{"/docs/none", "/docs/..%2froutes.go", "/docs/a/b"} {
		if r := call(t, h, "GET", path, ""); r.StatusCode != 404 {
			t.Errorf("GET %s = %d, want 404", path, r.StatusCode)
		}
	}
	if r := call(t, h, "POST", "/docs/", ""); r.StatusCode != 405 {
		t.Errorf("POST /docs/ = %d, want 405", r.StatusCode)
	}
}

func TestRootLeadsToTheDocumentation(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	h := serve(t, b, catalogue(b), server.Config{}).Handler()
	if got := decode[map[string]string](t, call(t, h, "GET", "/", ""), 200)["documentation"]; got != "/docs/" {
		t.Errorf("documentation at %q", got)
	}
	if r := call(t, h, "GET", "/", "", "Accept: text/html,*/*;q=0.8"); r.StatusCode != 303 || r.Header.Get("Location") != "/docs/" {
		t.Errorf("a browser: %d to %q, want 303 to /docs/", r.StatusCode, r.Header.Get("Location"))
	}
}
