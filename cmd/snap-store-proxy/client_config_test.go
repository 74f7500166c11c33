//go:build linux

package main_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"offlinestore/assertion"
	"offlinestore/internal/assertiontest"
)

// registeredSite returns a store that is registered for https://a.example with a certificate, its assertion stream and its
// CA.
func registeredSite(t *testing.T) (s *site, stream, ca string) {
	t.Helper()
	s = newSite(t)
	st := assertiontest.NewStack(t)
	var b strings.Builder
	all := append(st.Base(), st.Account("operator", "Operator", nil), st.Store("OurStore", "operator", "https://a.example", nil))
	if err := assertion.EncodeAll(&b, all); err != nil {
		t.Fatal(err)
	}
	s.mustRun("config", "--import-store-assertion", s.file("proxy.assert", []byte(b.String())))
	ca = s.mustRun("import-certificate", "--selfsigned").stdout
	kept, err := os.ReadFile(filepath.Join(s.dir, "store.assert"))
	if err != nil {
		t.Fatal(err)
	}
	return s, string(kept), ca
}

// TestClientConfig reads each output in the way of its recipient.
func TestClientConfig(t *testing.T) {
	t.Parallel()
	s, stream, ca := registeredSite(t)
	var asJSON map[string]string
	if err := json.Unmarshal([]byte(s.mustRun("client-config", "--json").stdout), &asJSON); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(asJSON, map[string]string{"url": "https://a.example", "store-id": "OurStore", "assertion": stream, "ca": ca}); diff != "" {
		t.Errorf("--json (-got +want):\n%s", diff)
	}
	var cloud map[string]any
	if err := yaml.Unmarshal([]byte(s.mustRun("client-config", "--cloud-init").stdout), &cloud); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(cloud, map[string]any{
		"ca_certs": map[string]any{"trusted": []any{ca}},
		"snap": map[string]any{"assertions": map[string]any{"00": stream}, "commands": map[string]any{
			"00": []any{"snap", "set", "system", "store-certs.offlinestore=" + ca}, "01": []any{"snap", "set", "system", "proxy.store=OurStore"}}},
	}); diff != "" {
		t.Errorf("--cloud-init (-got +want):\n%s", diff)
	}
	var model map[string]string
	if err := yaml.Unmarshal([]byte(s.mustRun("client-config", "--juju").stdout), &model); err != nil {
		t.Fatal(err)
	}
	var userData map[string]any
	if err := yaml.Unmarshal([]byte(model["cloudinit-userdata"]), &userData); err != nil {
		t.Fatal(err)
	}
	delete(model, "cloudinit-userdata")
	if diff := cmp.Diff(model, map[string]string{"charmhub-url": "https://a.example", "snap-store-proxy-url": "https://a.example"}); diff != "" {
		t.Errorf("--juju (-got +want):\n%s", diff)
	}
	if diff := cmp.Diff(userData, map[string]any{"ca-certs": map[string]any{"trusted": []any{ca}}}); diff != "" {
		t.Errorf("--juju's machines (-got +want):\n%s", diff)
	}
}
