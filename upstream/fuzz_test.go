package upstream_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"offlinestore/charm"
	"offlinestore/upstream"
)

// cannedAnswer answers every request with the same text.
type cannedAnswer string

func (c cannedAnswer) RoundTrip(r *http.Request) (*http.Response, error) {
	h := http.Header{"Content-Type": {"application/json"}}
	return &http.Response{StatusCode: 200, Header: h, Body: io.NopCloser(strings.NewReader(string(c))), Request: r}, nil
}

func FuzzCharmAnswers(f *testing.F) {
	f.Add(charmInfo)
	f.Add(`{"results":[{"charm":{"id":"abc","name":"pg","type":"charm","revision":1,"bases":[null],"download":{"size":1,"url":"x","hash-sha-256":"` + sum256 +
		`"}},"instance-key":"download-1","result":"install"}]}`)
	f.Add(`{"results":[{"error":{"code":"revision-not-found","extra":{"releases":[{"base":null,"channel":"x"}]}},"instance-key":"download-1"}],"error-list":[]}`)
	f.Add(`{"revisions":[{"name":"image","type":"file","revision":1,"download":{"hash-sha-384":"` + sum384 + `","size":3,"url":"x"}}]}`)
	f.Add(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}`)
	f.Fuzz(func(t *testing.T, answer string) {
		cfg := upstream.Config{HTTP: &http.Client{Transport: cannedAnswer(answer)}, Retries: -1}
		c, err := upstream.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		if info, err := c.CharmInfo(t.Context(), "pg", ""); err == nil && (info.Name != "pg" || charm.ValidateID(info.ID) != nil) {
			t.Errorf("CharmInfo took %q", answer)
		}
		results, err := c.CharmRefresh(t.Context(), []charm.Action{{Name: ptr("pg")}})
		if err == nil && (len(results) != 1 || (results[0].Charm == nil) == (results[0].Error == nil) || results[0].Error == nil && results[0].Charm.Name != "pg") {
			t.Errorf("CharmRefresh took %q: %+v", answer, results)
		}
		if all, err := c.CharmResourceRevisions(t.Context(), "pg", "image"); err == nil {
			for _, r := range all {
				if r.Name != "image" || r.Revision < 0 {
					t.Errorf("CharmResourceRevisions took %q", answer)
				}
			}
		}
		r, err := upstream.OpenRepository(t.Context(), upstream.RegistryConfig{HTTP: cfg.HTTP, Retries: -1}, "registry.example/x", "", "")
		if err != nil {
			t.Fatal(err)
		}
		if raw, _, d, err := r.Manifest(t.Context(), "latest"); err == nil && d != digest.FromBytes(raw) {
			t.Errorf("Manifest took %q", answer)
		}
	})
}
