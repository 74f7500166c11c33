package server_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"offlinestore/catalog"
	"offlinestore/server"
)

// searchAnswer is an answer to GET /api/v1/snaps/search.
type searchAnswer struct {
	Embedded struct {
		Packages []map[string]any `json:"clickindex:package"`
	} `json:"_embedded"`
	Links map[string]struct{ HRef string } `json:"_links"`
	Total *int
}

// recordedSearch reads a recorded search: the path with the parameters, and the answer.
func recordedSearch(t *testing.T, name string) (string, searchAnswer) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(realdata(t), "api/snapstore/cassettes", name))
	if err != nil {
		t.Fatal(err)
	}
	var tape struct {
		Interactions []struct {
			Request  struct{ URI string }
			Response struct{ Body struct{ String string } }
		}
	}
	if err := yaml.Unmarshal(text, &tape); err != nil {
		t.Fatal(err)
	}
	var a searchAnswer
	if err := json.Unmarshal([]byte(tape.Interactions[0].Response.Body.String), &a); err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(tape.Interactions[0].Request.URI, "https://api.snapcraft.io"), a
}

// TestRecordedSearches sends the recorded searches and compares the members of the results and the names of the links.
func TestRecordedSearches(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	c := benchCatalog(b, 20)
	for i := range c.Snaps {
		c.Snaps[i].Details.Categories = append(c.Snaps[i].Details.Categories, catalogue(b).Snaps[1].Details.Categories...)
	}
	h := serve(t, b, c, server.Config{}).Handler()
	for _, name := range []string{"all_items", "featured_items", "featured_snaps"} {
		t.Run(name, func(t *testing.T) {
			path, want := recordedSearch(t, "DeviceGWTest.test_get_"+name+".yaml")
			var got searchAnswer
			if err := json.Unmarshal([]byte(bodyOf(t, call(t, h, "GET", path, "", "X-Ubuntu-Architecture: wide"))), &got); err != nil {
				t.Fatal(err)
			}
			if len(got.Embedded.Packages) == 0 || len(want.Embedded.Packages) == 0 {
				t.Fatalf("%d results, recorded %d", len(got.Embedded.Packages), len(want.Embedded.Packages))
			}
			members := slices.Sorted(maps.Keys(want.Embedded.Packages[0]))
			// A bundle does not carry these two.
			members = slices.DeleteFunc(members, func(m string) bool { return m == "date_published" || m == "download_sha512" })
			for _, m := range members {
				if _, ok := got.Embedded.Packages[0][m]; !ok {
					t.Errorf("the result has no member %q", m)
				}
			}
			if name != "all_items" {
				if diff := cmp.Diff(members, slices.Sorted(maps.Keys(got.Embedded.Packages[0]))); diff != "" {
					t.Errorf("members (-recorded +got):\n%s", diff)
				}
			}
			if diff := cmp.Diff(slices.Sorted(maps.Keys(want.Links)), slices.Sorted(maps.Keys(got.Links))); diff != "" {
				t.Errorf("links (-recorded +got):\n%s", diff)
			}
			if next := want.Links["next"].HRef; strings.TrimPrefix(next, "https://api.snapcraft.io") != strings.TrimPrefix(got.Links["next"].HRef, "http://example.com") {
				t.Errorf("next = %q, recorded %q", got.Links["next"].HRef, next)
			}
			if got.Total == nil || *got.Total != 20 {
				t.Errorf("total = %v, want 20", got.Total)
			}
		})
	}
}

// TestSearchPages walks through the pages by their links, and back.
func TestSearchPages(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	h := serve(t, b, benchCatalog(b, 600), server.Config{}).Handler()
	get := func(url string) (a searchAnswer) {
		t.Helper()
		if err := json.Unmarshal([]byte(bodyOf(t, call(t, h, "GET", strings.TrimPrefix(url, "http://example.com"), ""))), &a); err != nil {
			t.Fatal(err)
		}
		return a
	}
	seen, last := map[any]bool{}, ""
	for url, n := "/api/v1/snaps/search?q=snap&size=100", 0; url != ""; n++ {
		a := get(url)
		for _, p := range a.Embedded.Packages {
			seen[p["package_name"]] = true
		}
		if n > 6 {
			t.Fatal("the links do not end")
		}
		url, last = a.Links["next"].HRef, a.Links["self"].HRef
	}
	if len(seen) != 600 || !strings.HasSuffix(last, "page=6") {
		t.Errorf("%d snaps on pages up to %s, want 600 on 6", len(seen), last)
	}
	if a := get(last); !strings.HasSuffix(a.Links["prev"].HRef, "page=5") || !strings.HasSuffix(a.Links["first"].HRef, "page=1") {
		t.Errorf("links of the last page = %v", a.Links)
	}
	if a := get("/api/v1/snaps/search?q=snap&page=99&size=100"); len(a.Embedded.Packages) != 0 || *a.Total != 600 {
		t.Errorf("beyond the last page: %d results", len(a.Embedded.Packages))
	}
	if a := get("/api/v1/snaps/search?q=snap"); len(a.Embedded.Packages) != 250 || a.Links["next"].HRef == "" {
		t.Errorf("without a size: %d results, links %v", len(a.Embedded.Packages), a.Links)
	}
	if a := get("/api/v1/snaps/search?q=nothing"); a.Total != nil || a.Embedded.Packages == nil {
		t.Errorf("no result: total %v, results %v; the real store gives no total and an empty list", a.Total, a.Embedded.Packages)
	}
	for _, query := range []string{"size=0", "size=-1", "page=0", "page=x", "size=99999999999999999999"} {
		if r := call(t, h, "GET", "/api/v1/snaps/search?"+query, ""); r.StatusCode != http.StatusBadRequest {
			t.Errorf("search?%s = %d, want 400", query, r.StatusCode)
		}
	}
}

// TestFindNothingFeatured does what "snap find" without words does, in a store where no snap is featured.
func TestFindNothingFeatured(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	c := &catalog.Snapshot{Snaps: slices.DeleteFunc(catalogue(b).Snaps, func(s catalog.Snap) bool { return s.Name == "hello" })}
	h := serve(t, b, c, server.Config{}).Handler()
	for query, want := range map[string]int{"category=featured": 2, "section=featured": 2, "featured=true": 2, "category=featured&q=xyzzy": 0, "category=featured&q=jq": 0} {
		if got := findNames(t, bodyOf(t, call(t, h, "GET", "/v2/snaps/find?"+query, ""))); len(got) != want {
			t.Errorf("find?%s = %q, want %d results", query, got, want)
		}
	}
}

// TestFindOfPublisher searches by publisher and for all architectures.
func TestFindOfPublisher(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	h := serve(t, b, catalogue(b), server.Config{}).Handler()
	for query, want := range map[string]int{
		"publisher=jo-doe": 3, "publisher=JO-DOE": 3, "publisher=nobody": 0, "q=publisher:jo-doe": 3, "q=publisher:jo-doe+jq": 2, "q=publisher:x+jq": 0,
		"featured=true": 1, "architecture=wide": 3, "architecture=s390x": 1,
	} {
		if got := findNames(t, bodyOf(t, call(t, h, "GET", "/v2/snaps/find?"+query, ""))); len(got) != want {
			t.Errorf("find?%s = %q, want %d results", query, got, want)
		}
	}
	for header, want := range map[string]int{"wide": 3, "s390x": 1} {
		if got := findNames(t, bodyOf(t, call(t, h, "GET", "/v2/snaps/find", "", "Snap-Device-Architecture: "+header))); len(got) != want {
			t.Errorf("find for %s = %q, want %d results", header, got, want)
		}
	}
	body := bodyOf(t, call(t, h, "GET", "/v2/charms/categories", ""))
	if want := `{"categories":[{"name":"featured"}]}`; body != want {
		t.Errorf("categories of charms = %s, want %s", body, want)
	}
}
