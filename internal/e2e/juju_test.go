//go:build linux

package e2e_test

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// juju sends requests as Juju does, and is as strict about the answers.
type juju struct {
	t   *testing.T
	url string
}

// These types are the parts of the answers that Juju uses.
type (
	jujuBase     struct{ Architecture, Channel, Name string }
	jujuDownload struct {
		SHA256 string `json:"hash-sha-256"`
		SHA384 string `json:"hash-sha-384"`
		Size   int64  `json:"size"`
		URL    string `json:"url"`
	}
	jujuResource struct {
		Name, Type, Filename string
		Revision             int
		Download             jujuDownload
	}
	jujuCharm struct {
		Type, ID, Name string
		Revision       int
		Publisher      map[string]string
		Bases          []*jujuBase
		Download       jujuDownload
		Resources      []jujuResource
		Metadata       string `json:"metadata-yaml"`
	}
	jujuError struct {
		Code, Message string
		Extra         struct {
			DefaultBases []jujuBase `json:"default-bases"`
		}
	}
	jujuResult struct {
		Key              string `json:"instance-key"`
		Charm            *jujuCharm
		EffectiveChannel string `json:"effective-channel"`
		Result           string
		Error            *jujuError
	}
)

// noBase returns the base that Juju sends before it knows one.
func noBase(arch string) jujuBase { return jujuBase{arch, "NA", "NA"} }

// do sends a request and decodes the answer. It requires the one Content-Type that Juju accepts.
func (j juju) do(method, path, body string, v any) {
	j.t.Helper()
	req, err := http.NewRequestWithContext(j.t.Context(), method, j.url+"/v2/charms/"+path, strings.NewReader(body))
	if err != nil {
		j.t.Fatal(err)
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Juju/3.6.28")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		j.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil {
		err = json.Unmarshal(text, v)
	}
	if ct := resp.Header.Get("Content-Type"); err != nil || resp.StatusCode != http.StatusOK || ct != "application/json" {
		j.t.Fatalf("%s %s: status %d, %q, %v, %.300s", method, path, resp.StatusCode, ct, err, text)
	}
}

// refresh sends one action and returns its one result.
func (j juju) refresh(action string, rest map[string]any) jujuResult {
	j.t.Helper()
	const key = "a-key"
	a := map[string]any{"action": action, "instance-key": key, "base": nil}
	for k, v := range rest {
		a[k] = v
	}
	body, err := json.Marshal(map[string]any{"context": []any{}, "actions": []any{a}, "fields": []string{
		"bases", "config-yaml", "download", "id", "license", "metadata-yaml", "name", "publisher", "resources", "revision", "summary", "type", "version"}})
	if err != nil {
		j.t.Fatal(err)
	}
	var answer struct{ Results []jujuResult }
	j.do("POST", "refresh", string(body), &answer)
	if len(answer.Results) != 1 || answer.Results[0].Key != key || answer.Results[0].Error == nil && answer.Results[0].Charm == nil {
		j.t.Fatalf("refresh %s: %+v, want the one result", body, answer.Results)
	}
	return answer.Results[0]
}

func wire(b jujuBase) map[string]string {
	return map[string]string{"architecture": b.Architecture, "channel": b.Channel, "name": b.Name}
}

// resolve asks for a charm as juju deploy does: first without a base, which the store answers with a list of bases, and
// then with the first of them.
func (j juju) resolve(name, channel, arch string) *jujuCharm {
	j.t.Helper()
	base := noBase(arch)
	for range 2 {
		r := j.refresh("install", map[string]any{"name": name, "channel": channel, "base": wire(base)})
		switch {
		case r.Error == nil:
			return r.Charm
		case r.Error.Code != "invalid-charm-base" || base != noBase(arch) || len(r.Error.Extra.DefaultBases) == 0:
			j.t.Fatalf("install %s from %s for %+v: %+v", name, channel, base, r.Error)
		}
		if base = r.Error.Extra.DefaultBases[0]; base.Architecture != arch {
			j.t.Fatalf("the base for %s on %s is %+v", name, arch, base)
		}
	}
	j.t.Fatalf("install %s from %s: told to choose a base twice", name, channel)
	return nil
}

// download downloads a blob. Like Juju 4, it requires an exact Content-Length, and it compares the digests.
func (j juju) download(d jujuDownload) []byte {
	j.t.Helper()
	req, err := http.NewRequestWithContext(j.t.Context(), "GET", d.URL, nil)
	if err != nil {
		j.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		j.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		j.t.Fatalf("GET %s: %v", d.URL, err)
	}
	if resp.StatusCode != http.StatusOK || resp.ContentLength != d.Size || int64(len(body)) != d.Size || resp.Header.Get("Content-Encoding") != "" {
		j.t.Errorf("GET %s: status %d, Content-Length %d, %d bytes, headers %v; want %d bytes", d.URL, resp.StatusCode, resp.ContentLength, len(body), resp.Header, d.Size)
	}
	sum := sha256.Sum256(body)
	if got := hex.EncodeToString(sum[:]); got != d.SHA256 {
		j.t.Errorf("GET %s: SHA-256 %s, want %s", d.URL, got, d.SHA256)
	}
	sum384 := sha512.Sum384(body)
	if got := hex.EncodeToString(sum384[:]); d.SHA384 != "" && got != d.SHA384 {
		j.t.Errorf("GET %s: SHA-384 %s, want %s", d.URL, got, d.SHA384)
	}
	return body
}

// resource downloads one resource of a charm, as the controller does when it deploys the charm.
func (j juju) resource(c *jujuCharm, r jujuResource) []byte {
	j.t.Helper()
	got := j.refresh("download", map[string]any{"id": c.ID, "revision": c.Revision, "resource-revisions": []any{map[string]any{"name": r.Name, "revision": r.Revision}}})
	if got.Error != nil {
		j.t.Fatalf("resource %s of %s: %+v", r.Name, c.Name, got.Error)
	}
	for _, res := range got.Charm.Resources {
		if res.Name == r.Name && res.Revision == r.Revision {
			if res != r {
				j.t.Errorf("resource %s of %s is announced as %+v, and then as %+v", r.Name, c.Name, r, res)
			}
			return j.download(res.Download)
		}
	}
	j.t.Fatalf("resource %s of %s: %+v, want it in revision %d", r.Name, c.Name, got.Charm.Resources, r.Revision)
	return nil
}

// image returns the content of the blob of an image resource.
func (j juju) image(c *jujuCharm, name string) (ref, user, password string) {
	j.t.Helper()
	for _, r := range c.Resources {
		if r.Name != name || r.Type != "oci-image" {
			continue
		}
		var blob struct{ ImageName, Username, Password string }
		if err := json.Unmarshal(j.resource(c, r), &blob); err != nil {
			j.t.Fatal(err)
		}
		return blob.ImageName, blob.Username, blob.Password
	}
	j.t.Fatalf("%s has no image %s: %s", c.Name, name, fmt.Sprint(c.Resources))
	return "", "", ""
}
