package server_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"offlinestore/catalog"
	"offlinestore/charm"
)

const (
	postgresqlID = "ChgcZB3RhaDOnhkAv9cgRg52LhjBbDt8"
	tempoID      = "tempotempotempotempotempotempote"
	cosID        = "cosliteecosliteecosliteecoslitee"
)

const postgresqlMetadata = `name: postgresql
summary: A database
provides:
  db: {interface: postgresql_client}
  old-db: pgsql
requires:
  certificates:
    interface: tls-certificates
resources:
  snap: {type: file, filename: postgresql.snap}
  notes: {type: file, filename: notes.txt}
`

func ubuntu(release, arch string) charm.Base {
	return charm.Base{Name: "ubuntu", Channel: release, Architecture: arch}
}

// charmRevision makes a revision whose archive is the text of its version.
func charmRevision(b *blobs, n int, version, metadata string, bases ...charm.Base) catalog.CharmRevision {
	content := "charm " + version
	r := catalog.CharmRevision{Blob: b.put(content), Revision: charm.Revision{CreatedAt: "2024-01-17T21:09:54.005947+00:00", MetadataYAML: metadata,
		ConfigYAML: "options: {profile: {type: string, default: \"<&>\"}}\n", Download: charm.Download{Size: int64(len(content))}, Number: n, Version: version}}
	for _, base := range bases {
		r.Bases = append(r.Bases, &base)
	}
	return r
}

// fileResource makes a revision of a resource whose file is its name and number.
func fileResource(b *blobs, name string, n int) catalog.CharmResource {
	content := fmt.Sprintf("%s %d", name, n)
	r := catalog.CharmResource{Resource: charm.Resource{CreatedAt: "2024-08-07T10:21:41.554301", Description: "About " + name, Filename: name + ".txt", Name: name,
		Revision: n, Type: charm.ResourceFile}}
	if n > 0 {
		r.Blob = b.put(content)
		r.Download = charm.Download{SHA384: strings.Repeat("0", 95) + "a", Size: int64(len(content))}
	}
	return r
}

func imageResource(name string, n int, image string) catalog.CharmResource {
	return catalog.CharmResource{Resource: charm.Resource{Name: name, Revision: n, Type: charm.ResourceImage}, Image: &charm.Image{Name: image}}
}

func charmRelease(base charm.Base, channel string, n int, at string, resources ...charm.ResourceRef) charm.Release {
	return charm.Release{Base: &base, Channel: channel, Revision: n, ReleasedAt: at, Resources: resources}
}

func charmDetails(title, summary string, categories ...string) charm.Details {
	d := charm.Details{Title: title, Summary: summary, Description: "About " + title, License: "Apache-2.0", StoreURL: "https://charmhub.io/" + title,
		Publisher: charm.Publisher{DisplayName: "Canonical Data Platform", ID: "dplat", Username: "data-platform", Validation: "verified"}}
	for _, c := range categories {
		d.Categories = append(d.Categories, charm.Category{Name: c, Featured: c == "databases"})
	}
	return d
}

const tempoImage = "charm/abc123/tempo-image@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

// charms holds postgresql (a default track, two architectures, three bases, a closed channel, a pinned resource), tempo-k8s (images) and
// the bundle cos-lite.
func charms(b *blobs) *catalog.Snapshot {
	snap5, notes := charm.ResourceRef{Name: "snap", Revision: 5}, charm.ResourceRef{Name: "notes"}
	postgresql := catalog.Charm{Name: "postgresql", ID: postgresqlID, Type: charm.TypeCharm, DefaultTrack: "14",
		Details: charmDetails("PostgreSQL", "A database", "databases"),
		Revisions: []catalog.CharmRevision{charmRevision(b, 300, "14.2", postgresqlMetadata, ubuntu("22.04", "amd64")),
			charmRevision(b, 336, "14.9", postgresqlMetadata, ubuntu("22.04", "amd64")),
			charmRevision(b, 337, "14.9", postgresqlMetadata, ubuntu("22.04", "arm64")), charmRevision(b, 363, "14.11", postgresqlMetadata, ubuntu("22.04", "amd64"), ubuntu("24.04", "amd64")),
			charmRevision(b, 500, "16.1", postgresqlMetadata, ubuntu("24.04", "amd64"), ubuntu("24.10", "amd64"), ubuntu("22.04", "amd64")),
			charmRevision(b, 501, "15.9", postgresqlMetadata, ubuntu("22.04", "amd64"))},
		Resources: []catalog.CharmResource{fileResource(b, "notes", 0), fileResource(b, "snap", 4), fileResource(b, "snap", 5), fileResource(b, "snap", 6)},
		ChannelMap: []charm.Release{
			charmRelease(ubuntu("22.04", "amd64"), "14/edge", 0, ""),
			charmRelease(ubuntu("22.04", "amd64"), "14/candidate", 363, "2024-06-01T00:00:00+00:00", snap5, notes),
			charmRelease(ubuntu("24.04", "amd64"), "14/candidate", 363, "2024-06-01T00:00:00+00:00", snap5, notes),
			charmRelease(ubuntu("22.04", "amd64"), "14/stable", 336, "2024-02-01T00:00:00.123456+00:00", snap5, notes),
			charmRelease(ubuntu("22.04", "arm64"), "14/stable", 337, "2024-02-02T00:00:00+00:00", snap5, notes),
			charmRelease(ubuntu("24.10", "amd64"), "16/edge", 500, "2024-09-01T00:00:00Z"),
			charmRelease(ubuntu("22.04", "amd64"), "16/edge", 500, "2024-09-01T00:00:00Z"),
			charmRelease(ubuntu("24.04", "amd64"), "16/edge", 500, "2024-09-01T00:00:00Z"),
			charmRelease(ubuntu("22.04", "amd64"), "16/edge/fix-1", 501, "2024-09-02T00:00:00Z"),
		},
		History: []charm.Release{
			charmRelease(ubuntu("22.04", "amd64"), "14/stable", 336, "2024-02-01T00:00:00Z", snap5, notes),
			charmRelease(ubuntu("22.04", "amd64"), "14/stable", 300, "2023-02-01T00:00:00Z", charm.ResourceRef{Name: "snap", Revision: 4}),
		},
	}
	icon := "\x89PNG charm icon"
	postgresql.Icon = &catalog.Icon{Blob: b.put(icon), MediaType: "image/png", Size: int64(len(icon))}
	return &catalog.Snapshot{Generation: 3, Charms: []catalog.Charm{tempo(b), postgresql, cosLite(b)}}
}

func tempo(b *blobs) catalog.Charm {
	image, file := charm.ResourceRef{Name: "tempo-image", Revision: 2}, charm.ResourceRef{Name: "config", Revision: 1}
	metadata := "name: tempo-k8s\nrequires:\n  storage: {interface: s3}\nresources:\n  tempo-image: {type: oci-image}\n  config: {type: file}\n"
	return catalog.Charm{Name: "tempo-k8s", ID: tempoID, Type: charm.TypeCharm, Details: charm.Details{Summary: "Traces for postgresql", DeployableOn: []string{"kubernetes"}},
		Revisions: []catalog.CharmRevision{charmRevision(b, 10, "2.1", metadata, ubuntu("22.04", "amd64"))},
		Resources: []catalog.CharmResource{fileResource(b, "config", 1), imageResource("tempo-image", 2, tempoImage), imageResource("tempo-image", 3, "tempo:local-image")},
		ChannelMap: []charm.Release{charmRelease(ubuntu("22.04", "amd64"), "latest/stable", 10, "2024-03-03T00:00:00Z", image, file),
			charmRelease(ubuntu("22.04", "amd64"), "latest/edge", 10, "2024-03-02T00:00:00Z", image, file)}}
}

func cosLite(b *blobs) catalog.Charm {
	r := charmRevision(b, 11, "11", "")
	r.ConfigYAML, r.Bases, r.BundleYAML = "", []*charm.Base{nil}, "applications: {tempo: {charm: tempo-k8s}}\n"
	return catalog.Charm{Name: "cos-lite", ID: cosID, Type: charm.TypeBundle,
		Details:   charm.Details{Title: "COS Lite", Summary: "Observability", ContainsCharms: []charm.ContainedCharm{{Name: "tempo-k8s", PackageID: tempoID}}},
		Revisions: []catalog.CharmRevision{r}, ChannelMap: []charm.Release{{Channel: "latest/stable", Revision: 11, ReleasedAt: "2024-04-04T00:00:00Z"}}}
}

// Juju is as strict as these types.
type (
	strictDownload struct {
		SHA256 string `json:"hash-sha-256"`
		SHA384 string `json:"hash-sha-384"`
		Size   int    `json:"size"`
		URL    string `json:"url"`
	}
	strictResource struct {
		Name        string         `json:"name"`
		Type        string         `json:"type"`
		Filename    string         `json:"filename"`
		Description string         `json:"description"`
		Revision    int            `json:"revision"`
		Download    strictDownload `json:"download"`
	}
	strictEntity struct {
		Type         string            `json:"type"`
		ID           string            `json:"id"`
		Name         string            `json:"name"`
		Revision     int               `json:"revision"`
		Version      string            `json:"version"`
		CreatedAt    time.Time         `json:"created-at"`
		License      string            `json:"license"`
		Summary      string            `json:"summary"`
		Publisher    map[string]string `json:"publisher"`
		Bases        []*charm.Base     `json:"bases"`
		Download     strictDownload    `json:"download"`
		Resources    []strictResource  `json:"resources"`
		MetadataYAML string            `json:"metadata-yaml"`
		ConfigYAML   string            `json:"config-yaml"`
		ActionsYAML  string            `json:"actions-yaml"`
	}
	strictResult struct {
		Entity           *strictEntity `json:"charm"`
		EffectiveChannel string        `json:"effective-channel"`
		ReleasedAt       time.Time     `json:"released-at"`
		ID               string        `json:"id"`
		Name             string        `json:"name"`
		InstanceKey      string        `json:"instance-key"`
		Result           string        `json:"result"`
		Error            *charm.Error  `json:"error"`
	}
)

var hex64, hex96 = regexp.MustCompile(`^[0-9a-f]{64}$`), regexp.MustCompile(`^[0-9a-f]{96}$`)

// juju sends a refresh request and checks everything that Juju insists on in any answer. The results are in the order of the
// actions.
func juju(tb testing.TB, h http.Handler, body string) []strictResult {
	tb.Helper()
	var req struct {
		Actions []struct {
			Key string `json:"instance-key"`
		}
	}
	if err := json.Unmarshal([]byte(body), &req); err != nil {
		tb.Fatalf("request %s: %v", body, err)
	}
	r := call(tb, h, "POST", "http://store.example/v2/charms/refresh", body, "Content-Type: application/json", "Accept: application/json", "User-Agent: Juju/3.6.28")
	if ct := r.Header["Content-Type"]; len(ct) != 1 || ct[0] != "application/json" {
		tb.Errorf("Content-Type = %q, want the bare application/json", ct)
	}
	got := decode[struct {
		ErrorList []charm.Error  `json:"error-list"`
		Results   []strictResult `json:"results"`
	}](tb, r, 200)
	if len(got.ErrorList) != 0 {
		tb.Errorf("error-list = %v, want none", got.ErrorList)
	}
	if got.Results == nil || len(got.Results) != len(req.Actions) {
		tb.Fatalf("%d results, want %d", len(got.Results), len(req.Actions))
	}
	for i := range got.Results {
		if got.Results[i].InstanceKey != req.Actions[i].Key {
			tb.Errorf("result %d has the instance-key %q, want %q", i, got.Results[i].InstanceKey, req.Actions[i].Key)
		}
		got.Results[i].checkMembers(tb)
	}
	return got.Results
}

func (r *strictResult) checkMembers(tb testing.TB) {
	tb.Helper()
	e := r.Entity
	if r.Error != nil || e == nil {
		if r.Error == nil || e != nil {
			tb.Fatalf("result %+v, want a charm or an error", r)
		}
		if r.Error.Code == "" || r.Error.Message == "" || r.Result != "error" {
			tb.Errorf("result %+v with error %+v, want a code, a message and the result error", r, r.Error)
		}
		return
	}
	if e.ID == "" || e.ID != r.ID || e.Name != r.Name {
		tb.Errorf("result %+v of %+v, want the same ID and name", r, e)
	}
	if e.MetadataYAML == "" || e.Type != "charm" && e.Type != "bundle" || r.EffectiveChannel == "" {
		tb.Errorf("result %+v of %+v, want metadata, a type and a channel", r, e)
	}
	checkDownload(tb, e.Download)
	for _, res := range e.Resources {
		checkDownload(tb, res.Download)
		if !hex96.MatchString(res.Download.SHA384) || res.Name == "" || res.Type != "file" && res.Type != "oci-image" {
			tb.Errorf("resource %+v, want it complete", res)
		}
	}
}

func checkDownload(tb testing.TB, d strictDownload) {
	tb.Helper()
	u, err := url.Parse(d.URL)
	if err != nil || u.Scheme != "http" || u.Host == "" || !hex64.MatchString(d.SHA256) {
		tb.Errorf("download %+v, want a URL and a SHA-256", d)
	}
}

// text returns a short form of a result: "336 14/stable notes:0,snap:5", or the code of the error and the releases that it lists.
func (r *strictResult) text() string {
	if r.Error != nil {
		var extra []string
		if x := r.Error.Extra; x != nil {
			for _, b := range x.DefaultBases {
				extra = append(extra, b.String())
			}
			for _, a := range x.Releases {
				extra = append(extra, strings.TrimLeft(a.Base.String()+" ", "@ ")+a.Channel)
			}
		}
		return strings.TrimSpace(r.Error.Code + " " + strings.Join(extra, ", "))
	}
	var resources []string
	for _, res := range r.Entity.Resources {
		resources = append(resources, fmt.Sprintf("%s:%d", res.Name, res.Revision))
	}
	return strings.TrimSpace(fmt.Sprintf("%d %s %s", r.Entity.Revision, r.EffectiveChannel, strings.Join(resources, ",")))
}
