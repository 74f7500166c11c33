package gateway_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"offlinestore/server/gateway/api"
)

// TestRecordedCalls sends the requests of the public client in their form, and looks for all the members that the Snap Store's recorded
// answers have.
func TestRecordedCalls(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	key := s.addKey("spare").SHA3384
	const model = "api-key brand-account-id created-at created-by modified-at modified-by name series"
	const remodel = "from-model to-model from-serial description"
	const entry = `{"allowlist": [{"from-model": "test-model", "to-model": "new", "from-serial": "s1", "description": "Test description"}]}`
	for _, c := range []struct {
		method, path, body string
		status             int
		// list names the member with a list of objects, or is [] if the answer is one.
		list, members string
	}{
		{"GET", "", "", 200, "", "account-id created-at created-by modified-at modified-by name"},
		{"POST", "/model", `{"name": "test-model", "series": "16"}`, 201, "", model},
		{"POST", "/model", `{"name": "new", "api-key": "abc", "series": "16"}`, 201, "", model},
		{"PATCH", "/model/test-model", `{"api-key": "abc"}`, 200, "", model},
		{"GET", "/model", "", 200, "[]", model},
		{"POST", "/signing_key", `{"name": "test-key"}`, 201, "", "brand-account-id created-at created-by fingerprint modified-at modified-by name sha3-384"},
		{"GET", "/signing_key", "", 200, "[]", "brand-account-id created-at created-by fingerprint modified-at modified-by name sha3-384"},
		{"POST", "/model/test-model/serial_policy", `{"signing-key-sha3-384": "` + key + `"}`, 201, "", "authority created-at created-by model-name revision signing-key-sha3-384"},
		{"GET", "/model/test-model/serial_policy", "", 200, "[]", "authority created-at created-by model-name revision signing-key-sha3-384"},
		{"DELETE", "/model/test-model/serial_policy/1", "", 204, "", ""},
		{"DELETE", "/signing_key/" + key, "", 204, "", ""},
		{"POST", "/remodel-allowlist", entry, 201, "allowlist", remodel},
		{"PATCH", "/remodel-allowlist", entry, 200, "allowlist", remodel + " created-at created-by modified-at modified-by"},
		{"GET", "/remodel-allowlist?from-model=test-model&to-model=new&page-size=25", "", 200, "allowlist", remodel + " created-at created-by modified-at modified-by"},
		{"POST", "/remodel-allowlist/delete", entry, 200, "allowlist", remodel},
		{"GET", "/model/test-model/serial-log?start-time=2025-03-20T05:19:52.00&end-time=2026-03-20T05:19:52.00&page-size=10", "", 200, "", "items next-cursor"},
		{"GET", "/model/test-model/serial/s1/serial-log?include-serial-assertion=true&include-serial-request-assertion=true", "", 200, "", "items next-cursor"},
	} {
		status, text := s.call(modeller, c.method, inBrand+c.path, c.body)
		if status != c.status {
			t.Errorf("%s %s = %d %s, want %d", c.method, c.path, status, text, c.status)
			continue
		}
		got, err := membersOf(text, c.list)
		if err != nil {
			t.Errorf("%s %s: %v in %s", c.method, c.path, err, text)
		}
		for _, name := range strings.Fields(c.members) {
			if !slices.Contains(got, name) {
				t.Errorf("%s %s has no %s: %s", c.method, c.path, name, text)
			}
		}
	}
}

// membersOf returns the names of the members of an object, or of the first one in a list.
func membersOf(text []byte, list string) ([]string, error) {
	if len(text) == 0 {
		return nil, nil
	}
	var object map[string]any
	var objects []map[string]any
	switch list {
	case "":
		err := json.Unmarshal(text, &object)
		return slices.Sorted(maps.Keys(object)), err
	case "[]":
		err := json.Unmarshal(text, &objects)
		return slices.Sorted(maps.Keys(objects[0])), err
	}
	var answer map[string]json.RawMessage
	if err := json.Unmarshal(text, &answer); err != nil {
		return nil, err
	}
	err := json.Unmarshal(answer[list], &objects)
	return slices.Sorted(maps.Keys(objects[0])), err
}

// TestSnapcraft logs in as snapcraft does at a store on the premises: it writes the scheme in lower case.
func TestSnapcraft(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	req, err := http.NewRequestWithContext(t.Context(), "GET", s.url+api.Path+"/v1/tokens/whoami", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "macaroon "+s.logins[viewer])
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var who map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&who); err != nil || resp.StatusCode != 200 || who["account"] == nil || who["permissions"] == nil {
		t.Errorf("whoami = %d %v, %v", resp.StatusCode, who, err)
	}
}
