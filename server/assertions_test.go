package server_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/assertion"
	"offlinestore/catalog"
	"offlinestore/internal/assertiontest"
	"offlinestore/server"
	"offlinestore/snap"
)

// asserted returns a catalogue of assertions without signatures: the server does not look into them.
func asserted() *catalog.Snapshot {
	c := &catalog.Snapshot{Generation: 1}
	add := func(typ string, format, revision int, key ...string) {
		c.Assertions = append(c.Assertions, catalog.Assertion{Type: typ, PrimaryKey: key, Format: format, Revision: revision,
			Raw: fmt.Appendf(nil, "%s %s format %d revision %d", typ, strings.Join(key, " "), format, revision)})
	}
	add("snap-declaration", 2, 8, "16", jqID)
	add("snap-declaration", 4, 9, "16", jqID)
	add("snap-declaration", 6, 10, "16", jqID)
	add("snap-declaration", 3, 9, "16", dataID)
	add("snap-declaration", 5, 4, "16", dataID) // an import without a newer one
	add("snap-revision", 0, 0, "digest", "global-upload")
	add("snap-revision", 0, 3, "digest", "my-factory")
	add("account", 0, 1, "we & they?")
	add("validation-set", 0, 0, "16", "acme", "base", "1")
	add("validation-set", 0, 2, "16", "acme", "base", "2")
	add("validation-set", 0, 0, "16", "acme", "base", "10")
	return c
}

func TestAssertions(t *testing.T) {
	t.Parallel()
	h := serve(t, newBlobs(t), asserted(), server.Config{}).Handler()
	tests := []struct {
		path string
		// want is the assertion or the status.
		want string
	}{
		{"snap-declaration/16/" + jqID, "format 6 revision 10"},
		{"snap-declaration/16/" + jqID + "?max-format=7", "format 6 revision 10"},
		{"snap-declaration/16/" + jqID + "?max-format=6", "format 6 revision 10"},
		{"snap-declaration/16/" + jqID + "?max-format=5", "format 4 revision 9"},
		{"snap-declaration/16/" + jqID + "?max-format=2", "format 2 revision 8"},
		{"snap-declaration/16/" + jqID + "?max-format=1", "404"},
		{"snap-declaration/16/" + dataID + "?max-format=6", "format 3 revision 9"},
		{"snap-declaration/16/" + jqID + "?max-format=x", "400"},
		{"snap-declaration/16/" + jqID + "?max-format=-1", "400"},
		{"snap-declaration/16/" + helloID, "404"},
		{"snap-declaration/16", "400"},
		{"snap-declaration/16/a/b", "400"},
		{"snap-declaration//x", "404"}, // the path is cleaned, which leaves a key that is too short
		{"snap-revision/digest", "snap-revision digest global-upload"},
		{"snap-revision/digest/global-upload", "snap-revision digest global-upload"},
		{"snap-revision/digest/my-factory", "snap-revision digest my-factory"},
		{"account/we%20&%20they%3F", "account we & they? format 0 revision 1"},
		{"account/a%2Fb", "400"},
		{"account/%2e%2e", "404"},
		{"no-such-type/x", "404"},
		{"validation-set/16/acme/base", "base 10"},
		{"validation-set/16/acme/base?sequence=latest", "base 10"},
		{"validation-set/16/acme/base?sequence=2&max-format=0", "base 2 format 0 revision 2"},
		{"validation-set/16/acme/base/2", "base 2 format 0 revision 2"},
		{"validation-set/16/acme/base?sequence=3", "404"},
		{"validation-set/16/acme/base?sequence=x", "400"},
		{"validation-set/16/acme/base?sequence=0", "400"},
		{"validation-set/16/acme/other", "404"},
		{"validation-set/16/acme", "404"},
	}
	for _, prefix := range []string{"/v2/assertions/", "/api/v1/snaps/assertions/"} {
		for _, tt := range tests {
			t.Run(prefix+tt.path, func(t *testing.T) {
				r := call(t, h, "GET", prefix+tt.path, "")
				body := bodyOf(t, r)
				switch {
				case tt.want == "404" && r.StatusCode/100 == 3:
				case r.StatusCode == 200:
					if !strings.Contains(body, tt.want) || r.Header.Get("Content-Type") != "application/x.ubuntu.assertion" {
						t.Errorf("body = %q of %s, want %q", body, r.Header.Get("Content-Type"), tt.want)
					}
				case fmt.Sprint(r.StatusCode) != tt.want:
					t.Errorf("status = %d %s, want %s", r.StatusCode, body, tt.want)
				default:
					checkError(t, r.Header.Get("Content-Type"), body, r.StatusCode)
				}
			})
		}
	}
}

// checkError checks that clients of both versions understand an error.
func checkError(t *testing.T, mediaType, body string, status int) {
	t.Helper()
	var v struct {
		ErrorList           []snap.Error `json:"error-list"`
		Status              int
		Title, Detail, Type string
		Message             string
	}
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		t.Fatalf("decode %q: %v", body, err)
	}
	if mediaType != "application/json" {
		t.Errorf("media type = %s, want application/json", mediaType)
	}
	if len(v.ErrorList) != 1 || v.ErrorList[0].Message == "" {
		t.Fatalf("%q, want one error for version 2 of the API", body)
	}
	if v.Status != status || v.Detail == "" || v.Title == "" {
		t.Errorf("%q, want status %d, a detail and a title for version 1 of the API", body, status)
	}
	if v.Message == "" {
		t.Errorf("%q, want a message for the registration of devices", body)
	}
	if status == 404 && v.ErrorList[0].Code != "not-found" && v.ErrorList[0].Code != "resource-not-found" {
		t.Errorf("code = %q, want one of not found", v.ErrorList[0].Code)
	}
}

func TestFetchAssertions(t *testing.T) {
	t.Parallel()
	h := serve(t, newBlobs(t), asserted(), server.Config{}).Handler()
	declaration := snap.AssertionRequest{Type: "snap-declaration", PrimaryKey: []string{"16", jqID}}
	set := snap.AssertionRequest{Type: "validation-set", SequenceKey: []string{"16", "acme", "base"}}
	with := func(a snap.AssertionRequest, change func(*snap.AssertionRequest)) snap.AssertionRequest {
		change(&a)
		return a
	}
	tests := []struct {
		name string
		ask  snap.AssertionRequest
		// want is a part of the only URL, "" for none, or "code type" of an error.
		want string
	}{
		{"first", declaration, "/v2/assertions/snap-declaration/16/" + jqID + "?max-format=5"},
		{"newer", with(declaration, func(a *snap.AssertionRequest) { a.IfNewerThan = ptr(8) }), "/v2/assertions/snap-declaration/16/" + jqID + "?max-format=5"},
		{"as new", with(declaration, func(a *snap.AssertionRequest) { a.IfNewerThan = ptr(9) }), ""},
		{"format is listed as zero", snap.AssertionRequest{Type: "account", PrimaryKey: []string{"we & they?"}}, "/v2/assertions/account/we%20&%20they%3F?max-format=0"},
		{"missing", snap.AssertionRequest{Type: "store", PrimaryKey: []string{"my-store"}}, "not-found store"},
		{"unknown type", snap.AssertionRequest{Type: "shoe-size", PrimaryKey: []string{"9"}}, "not-found shoe-size"},
		{"no key", snap.AssertionRequest{Type: "store"}, "api-error store"},
		{"latest", set, "/validation-set/16/acme/base/10?"},
		{"pinned", with(set, func(a *snap.AssertionRequest) { a.Sequence = ptr(2) }), "/validation-set/16/acme/base/2?"},
		{"pinned and as new", with(set, func(a *snap.AssertionRequest) { a.Sequence, a.IfNewerThan = ptr(2), ptr(2) }), ""},
		{"pinned and newer", with(set, func(a *snap.AssertionRequest) { a.Sequence, a.IfNewerThan = ptr(2), ptr(1) }), "/validation-set/16/acme/base/2?"},
		{"pinned and missing", with(set, func(a *snap.AssertionRequest) { a.Sequence = ptr(5) }), "not-found validation-set"},
		{"later than one", with(set, func(a *snap.AssertionRequest) { a.IfSequenceEqualOrNewerThan = ptr(2) }), "/validation-set/16/acme/base/10?"},
		{"equal", with(set, func(a *snap.AssertionRequest) { a.IfSequenceEqualOrNewerThan = ptr(10) }), "/validation-set/16/acme/base/10?"},
		{"equal and as new", with(set, func(a *snap.AssertionRequest) { a.IfSequenceEqualOrNewerThan, a.IfNewerThan = ptr(10), ptr(0) }), ""},
		{"device is ahead", with(set, func(a *snap.AssertionRequest) { a.IfSequenceEqualOrNewerThan = ptr(11) }), ""},
		{"newer than the last", with(set, func(a *snap.AssertionRequest) { a.IfSequenceNewerThan = ptr(10) }), ""},
		{"newer than one before", with(set, func(a *snap.AssertionRequest) { a.IfSequenceNewerThan = ptr(9) }), "/validation-set/16/acme/base/10?"},
		{"unknown sequence", snap.AssertionRequest{Type: "validation-set", SequenceKey: []string{"16", "acme", "other"}}, "not-found validation-set"},
		{"no sequence", snap.AssertionRequest{Type: "account", SequenceKey: []string{"a"}}, "api-error account"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := refresh(t, h, snap.RefreshRequest{AssertionMaxFormats: map[string]int{"snap-declaration": 5},
				Actions: []snap.Action{{Action: "fetch-assertions", Key: "AAAB", Assertions: []snap.AssertionRequest{tt.ask}}}})
			if len(got) != 1 || got[0].Result != "fetch-assertions" || got[0].Key != "AAAB" {
				t.Fatalf("results = %+v, want one for AAAB", got)
			}
			if code, typ, isError := strings.Cut(tt.want, " "); isError {
				want := []snap.Error{{Code: code, Type: typ, PrimaryKey: tt.ask.PrimaryKey, SequenceKey: tt.ask.SequenceKey}}
				for i := range got[0].ErrorList {
					got[0].ErrorList[i].Message = ""
				}
				if diff := cmp.Diff(want, got[0].ErrorList); diff != "" {
					t.Errorf("error-list (-want +got):\n%s", diff)
				}
				return
			}
			urls := got[0].AssertionStreamURLs
			if tt.want == "" && len(urls) == 0 && len(got[0].ErrorList) == 0 {
				return
			}
			if len(urls) != 1 || tt.want == "" || !strings.Contains(urls[0], tt.want) {
				t.Fatalf("urls = %q, errors %v, want %q", urls, got[0].ErrorList, tt.want)
			}
			u, err := url.Parse(urls[0])
			if err != nil || u.Host != "store.example" {
				t.Fatalf("url %q: %v, want our own", urls[0], err)
			}
			if r := call(t, h, "GET", urls[0], ""); r.StatusCode != 200 {
				t.Errorf("GET %s = %d, want 200", urls[0], r.StatusCode)
			}
		})
	}
}

// TestFetchAssertionsIsAList checks that the lists are present if everything is up to date.
func TestFetchAssertionsIsAList(t *testing.T) {
	t.Parallel()
	h := serve(t, newBlobs(t), asserted(), server.Config{}).Handler()
	body := bodyOf(t, call(t, h, "POST", "/v2/snaps/refresh", `{"actions":[{"action":"fetch-assertions","key":"g","assertions":[]}]}`))
	if want := `{"error-list":[],"results":[{"assertion-stream-urls":[],"error-list":[],"key":"g","result":"fetch-assertions"}]}`; body != want {
		t.Errorf("answer = %s, want %s", body, want)
	}
}

func TestGenuineAssertionsAreServedAsTheyAre(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob(filepath.Join(realdata(t), "asserts", "verified", "*", "*.assert"))
	if err != nil || len(names) == 0 {
		t.Fatalf("%d genuine assertions (%v)", len(names), err)
	}
	best := map[string]*assertion.Assertion{}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		list, err := assertion.DecodeAll(text)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, a := range list {
			key := fmt.Sprint(a.Ref().Key(), " ", a.Format())
			if old := best[key]; old == nil || a.Revision() > old.Revision() {
				best[key] = a
			}
		}
	}
	c := &catalog.Snapshot{}
	for _, a := range best {
		c.Assertions = append(c.Assertions, catalog.Assertion{Type: a.Type(), PrimaryKey: a.Ref().PrimaryKey, Format: a.Format(), Revision: a.Revision(), Raw: a.Raw()})
	}
	h := serve(t, newBlobs(t), c, server.Config{}).Handler()
	for key, a := range best {
		path := "/v2/assertions/" + a.Type()
		for _, p := range a.Ref().Path() {
			path += "/" + url.PathEscape(p)
		}
		r := call(t, h, "GET", fmt.Sprintf("%s?max-format=%d", path, a.Format()), "")
		if body := bodyOf(t, r); r.StatusCode != 200 || body != string(a.Raw())+"\n" {
			t.Errorf("%s: status %d, %d bytes, want the %d of the genuine one", key, r.StatusCode, len(body), len(a.Raw()))
		}
		if etag := r.Header.Get("ETag"); etag != fmt.Sprintf(`"%d"`, a.Revision()) {
			t.Errorf("%s: ETag = %s, want its revision %d", key, etag, a.Revision())
		}
	}
}

// TestKnownAssertions asks for assertions that a store has without an import: Canonical's root, the keys of generic devices, and the store
// assertion.
func TestKnownAssertions(t *testing.T) {
	t.Parallel()
	const generic = "d-JcZF9nD9eBw7bwMnH61x-bklnQOhQud1Is6o_cn2wTj8EYDi9musrIT9z2MdAa"
	stack := assertiontest.NewStack(t)
	c := &catalog.Snapshot{Generation: 1, Assertions: []catalog.Assertion{
		{Type: "account", PrimaryKey: []string{"generic"}, Revision: 1000, Raw: []byte("a newer account")},
		{Type: "account", PrimaryKey: []string{"canonical"}, Revision: 0, Raw: []byte("the same account")},
	}}
	s := serve(t, newBlobs(t), c, server.Config{Trust: stack.Trust()})
	store := stack.Store("store1", assertiontest.RootID, "https://snaps.example", nil)
	s.SetSettings(server.Settings{StoreAssertion: append(append([]byte{}, store.Raw()...), '\n'), StoreID: "store1"})
	for path, want := range map[string]string{
		"account-key/" + generic: "account-id: generic\nname: models\n",
		"account-key/wrfougkz3Huq2T_KklfnufCC0HzG7bJ9wP99GV0FF-D3QH3eJtuSRlQc2JhrAoh1": "account-id: generic\nname: serials\n",
		"account-key/BWDEoaqyr25nF5SNCvEv2v7QnM9QsfCc0PBMYD_i2NGSQ32EF2d4D0hqUel3m8ul": "account-id: canonical\nname: store\n",
		"account-key/" + stack.RootKey.KeyID():                                         "account-id: " + assertiontest.RootID,
		"account/generic":                                                              "a newer account",
		"model/16/generic/generic-classic":                                             "model: generic-classic",
		"store/store1":                                                                 "url: https://snaps.example",
	} {
		for _, prefix := range []string{"/v2/assertions/", "/api/v1/snaps/assertions/"} {
			r := call(t, s.Handler(), "GET", prefix+path, "")
			if body := bodyOf(t, r); r.StatusCode != 200 || !strings.Contains(body, want) {
				t.Errorf("%s%s: status %d, %.200s, want %q", prefix, path, r.StatusCode, body, want)
			}
		}
	}
	if r := call(t, s.Handler(), "GET", "/v2/assertions/store/store2", ""); r.StatusCode != 404 {
		t.Errorf("another store: status %d, want 404", r.StatusCode)
	}
	fetched := refresh(t, s.Handler(), snap.RefreshRequest{Context: []snap.Installed{}, Actions: []snap.Action{{Action: snap.ActionFetchAssertions, Key: "g",
		Assertions: []snap.AssertionRequest{{Type: "account-key", PrimaryKey: []string{generic}}}}}})
	if len(fetched) != 1 || len(fetched[0].AssertionStreamURLs) != 1 || !strings.HasSuffix(fetched[0].AssertionStreamURLs[0], "/account-key/"+generic) {
		t.Errorf("fetch-assertions answers %+v", fetched)
	}
}
