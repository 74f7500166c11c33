package server_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"offlinestore/blob"
	"offlinestore/catalog"
	"offlinestore/server"
	"offlinestore/snap"
)

// realdata returns the folder of genuine data, or skips the test if there is none.
func realdata(tb testing.TB) string {
	tb.Helper()
	if dir := os.Getenv("OFFLINESTORE_REALDATA"); dir != "" {
		if _, err := os.Stat(dir); err != nil {
			tb.Fatal(err)
		}
		return dir
	}
	root, err := os.Getwd()
	for err == nil {
		if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
			break
		}
		if filepath.Dir(root) == root {
			tb.Skip("no go.mod above the test")
		}
		root = filepath.Dir(root)
	}
	dir := filepath.Join(root, "..", "shared", "realdata")
	if _, err := os.Stat(dir); err != nil {
		tb.Skip("no genuine data; OFFLINESTORE_REALDATA names its folder")
	}
	return dir
}

// blobs is a folder of blobs that a test fills.
type blobs struct {
	tb  testing.TB
	dir string
}

func newBlobs(tb testing.TB) *blobs { return &blobs{tb, tb.TempDir()} }

// put stores content and returns its digest.
func (b *blobs) put(content string) digest.Digest {
	b.tb.Helper()
	dg := digest.FromString(content)
	path := b.path(dg)
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		b.tb.Fatal(err)
	}
	return dg
}

// hole stores zeros that occupy no space, under a digest made of name.
func (b *blobs) hole(name string, size int64) digest.Digest {
	b.tb.Helper()
	dg := digest.NewDigestFromEncoded(digest.SHA256, fmt.Sprintf("%x", sha256.Sum256([]byte(name))))
	f, err := os.OpenFile(b.path(dg), os.O_CREATE|os.O_WRONLY, 0o644)
	if err == nil {
		err = f.Truncate(size)
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		b.tb.Fatal(err)
	}
	return dg
}

func (b *blobs) path(dg digest.Digest) string {
	dir := filepath.Join(b.dir, "sha256")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		b.tb.Fatal(err)
	}
	return filepath.Join(dir, dg.Encoded())
}

// serve returns a Server of the catalogue.
func serve(tb testing.TB, b *blobs, c *catalog.Snapshot, cfg server.Config) *server.Server {
	tb.Helper()
	dir, err := blob.Open(b.dir)
	if err != nil {
		tb.Fatal(err)
	}
	cfg.Blobs, cfg.SpoolDir = dir.Storage(), tb.TempDir()
	s := server.New(cfg)
	if _, err := s.Load(tb.Context(), &database{catalog: c}); err != nil {
		tb.Fatal(err)
	}
	return s
}

// loadInto gives a whole catalogue to a sink, as a catalog.Reader does.
func loadInto(c *catalog.Snapshot, sink catalog.Sink) (*catalog.Changes, error) {
	rest := *c
	rest.Snaps, rest.Assertions = nil, nil
	changes := &catalog.Changes{IsWhole: true, HasImages: true, Snapshot: &rest}
	err := sink.Start(changes)
	for i := 0; err == nil && i < len(c.Snaps); i++ {
		err = sink.Snap(rawSnap(&c.Snaps[i]))
	}
	for i := 0; err == nil && i < len(c.Assertions); i++ {
		err = sink.Assertion(&c.Assertions[i])
	}
	return changes, err
}

// rawSnap returns a snap as the tables have it.
func rawSnap(s *catalog.Snap) *catalog.RawSnap {
	encode := func(v any) []byte {
		text, err := json.Marshal(v)
		if err != nil {
			panic(err) // the values of tests have no such parts
		}
		return text
	}
	raw := &catalog.RawSnap{SnapID: s.SnapID, Name: s.Name, DefaultTrack: s.DefaultTrack, Store: s.Store, Icon: s.Icon, Details: encode(s.Details),
		ChannelMap: s.ChannelMap, Overrides: s.Overrides}
	for _, r := range s.Revisions {
		rev := catalog.RawRevision{Number: r.Number, Item: encode(r.Revision), Contents: encode(r.Contents), Blob: r.Blob, Resources: slices.Concat(r.ResourceBlobs, r.IntegrityBlobs)}
		for _, c := range r.OlderComponents {
			rev.Components = append(rev.Components, catalog.RawComponent{ComponentFile: c})
		}
		raw.Revisions = append(raw.Revisions, rev)
	}
	raw.History, raw.Overridden = slices.Clone(s.Imported), slices.Clone(s.Overridden)
	slices.Reverse(raw.History)
	slices.Reverse(raw.Overridden)
	for i, h := range s.History {
		if len(s.Imported) > 0 {
			break // the same releases
		}
		raw.History = append(raw.History, catalog.Event{Release: h, ID: int64(len(s.History) - i)})
	}
	return raw
}

// call sends one request, for a device of amd64 unless header names another architecture ("Name: value" each).
func call(tb testing.TB, h http.Handler, method, url, body string, header ...string) *http.Response {
	tb.Helper()
	r := httptest.NewRequest(method, url, strings.NewReader(body))
	r.Header.Set(snap.HeaderArchitecture, "amd64")
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func bodyOf(tb testing.TB, r *http.Response) string {
	tb.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		tb.Fatal(err)
	}
	return string(b)
}

// decode reads a JSON answer that must have a status.
func decode[T any](tb testing.TB, r *http.Response, status int) T {
	tb.Helper()
	body := bodyOf(tb, r)
	var v T
	if r.StatusCode != status {
		tb.Fatalf("status = %d, want %d; body: %.500s", r.StatusCode, status, body)
	}
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		tb.Fatalf("decode %.500q: %v", body, err)
	}
	return v
}

// refresh sends a refresh request and returns its results.
func refresh(tb testing.TB, h http.Handler, req snap.RefreshRequest, header ...string) []snap.Result {
	tb.Helper()
	body, err := json.Marshal(req)
	if err != nil {
		tb.Fatal(err)
	}
	return decode[snap.RefreshResponse](tb, call(tb, h, "POST", "http://store.example/v2/snaps/refresh", string(body), header...), 200).Results
}

const (
	jqID    = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	helloID = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	dataID  = "cccccccccccccccccccccccccccccccc"
)

func ptr[T any](v T) *T { return &v }

// revision makes a revision whose blob is the text of its version.
func revision(b *blobs, n int, version string, archs ...string) catalog.SnapRevision {
	content := "snap " + version
	return catalog.SnapRevision{Blob: b.put(content), Revision: snap.Revision{
		Architectures: archs, Base: ptr("core24"), Confinement: "strict", CreatedAt: "2024-01-02T03:04:05Z",
		Download: snap.Download{SHA3384: strings.Repeat("ab", 48), Size: int64(len(content))},
		Epoch:    snap.Epoch{Read: []uint32{0}, Write: []uint32{0}},
		Number:   n, SnapYAML: "name: jq\nversion: '" + version + "'\napps:\n  jq: {command: bin/jq}\n", Type: "app", Version: version,
	}}
}

func release(arch, channel string, n int, at string) snap.Release {
	return snap.Release{Architecture: arch, Channel: channel, Revision: n, ReleasedAt: at}
}

func details(title, summary string, categories ...string) snap.Details {
	d := snap.Details{Title: title, Summary: summary, Description: "About " + title + " <b>&</b>", License: ptr("MIT"),
		Publisher: snap.Publisher{DisplayName: "Jo Doe", ID: "jo", Username: "jo-doe", Validation: "unproven"}}
	for _, c := range categories {
		d.Categories = append(d.Categories, snap.Category{Name: c})
	}
	return d
}

// catalogue holds jq (two architectures, a closed channel, a branch, a component), hello (runs anywhere, default track 2.0) and
// data (epochs).
func catalogue(b *blobs) *catalog.Snapshot {
	jq := catalog.Snap{Name: "jq", SnapID: jqID, Details: details("jq", "A JSON processor", "development"),
		Revisions: []catalog.SnapRevision{revision(b, 5, "1.5", "amd64"), revision(b, 6, "1.6", "amd64"), revision(b, 7, "1.7", "amd64"),
			revision(b, 8, "1.6arm", "arm64"), revision(b, 9, "1.8", "amd64"), revision(b, 10, "1.4", "amd64")},
		ChannelMap: []snap.Release{release("amd64", "1.4/stable", 10, "2020-01-01T00:00:00Z"), release("amd64", "latest/beta", 0, ""),
			release("amd64", "latest/candidate", 7, "2024-03-01T00:00:00Z"), release("amd64", "latest/edge/fix-1", 9, "2024-04-01T00:00:00Z"),
			release("amd64", "latest/stable", 6, "2024-02-01T00:00:00Z"), release("arm64", "latest/stable", 8, "2024-02-02T00:00:00Z")},
		History: []snap.Release{release("amd64", "latest/stable", 6, "2024-02-01T00:00:00Z"), release("amd64", "latest/stable", 5, "2023-02-01T00:00:00Z")},
	}
	comp := "component of jq"
	jq.Revisions[1].Resources = []snap.Resource{{Name: "docs", Revision: 3, Type: "component/standard", Version: "1",
		Download: snap.Download{SHA3384: strings.Repeat("cd", 48), Size: int64(len(comp))}}}
	jq.Revisions[1].ResourceBlobs = []digest.Digest{b.put(comp)}
	jq.Revisions[1].OlderComponents = []catalog.ComponentFile{
		{Name: "docs", Revision: 2, Blob: b.put("older component"), Size: int64(len("older component"))},
		{Name: "docs", Revision: 3, Blob: b.put("another file"), Size: int64(len("another file"))}}
	icon := "\x89PNG icon"
	hello := catalog.Snap{Name: "hello", SnapID: helloID, DefaultTrack: "2.0", Details: details("Hello World", "Greets, as jq does not"),
		Icon:      &catalog.Icon{Blob: b.put(icon), MediaType: "image/png", Size: int64(len(icon))},
		Revisions: []catalog.SnapRevision{revision(b, 1, "1.0", "all"), revision(b, 2, "2.0", "all"), revision(b, 3, "2.1", "all")},
		ChannelMap: []snap.Release{release("amd64", "2.0/stable", 2, "2024-01-01T00:00:00Z"), release("amd64", "latest/stable", 1, "2022-01-01T00:00:00Z"),
			release("i386", "2.0/stable", 3, "2024-05-01T00:00:00Z")},
	}
	hello.Details.Categories = []snap.Category{{Name: "featured", Featured: true}, {Name: "art"}}
	hello.Revisions[2].CommonIDs = []string{"org.Example.Hello"}
	data := catalog.Snap{Name: "data", SnapID: dataID, Details: details("Data", "A database"),
		Revisions:  []catalog.SnapRevision{revision(b, 1, "0", "amd64"), revision(b, 2, "0.5", "amd64"), revision(b, 3, "1", "amd64"), revision(b, 4, "2", "amd64")},
		ChannelMap: []snap.Release{release("amd64", "latest/stable", 4, "2024-04-01T00:00:00Z")},
		History: []snap.Release{release("amd64", "latest/stable", 4, "2024-04-01T00:00:00Z"), release("amd64", "latest/stable", 3, "2024-03-01T00:00:00Z"),
			release("amd64", "latest/stable", 2, "2024-02-01T00:00:00Z"), release("amd64", "latest/stable", 1, "2024-01-01T00:00:00Z")},
	}
	data.Revisions[2].Epoch = snap.Epoch{Read: []uint32{0, 1}, Write: []uint32{1}}
	data.Revisions[3].Epoch = snap.Epoch{Read: []uint32{2}, Write: []uint32{2}}
	return &catalog.Snapshot{Generation: 7, Snaps: []catalog.Snap{data, hello, jq}}
}
