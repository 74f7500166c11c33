package gateway_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/assertion"
	"offlinestore/server/gateway/api"
)

// TestModelService goes from an empty brand to a policy and back.
func TestModelService(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	var b api.Brand
	s.want(200, &b, viewer, "GET", inBrand, nil)
	if b.AccountID != brand || b.Name != "Acme Ltd" || b.CreatedAt.IsZero() {
		t.Errorf("brand = %+v", b)
	}
	var m api.Model
	s.want(201, &m, modeller, "POST", inBrand+"/model", map[string]string{"name": "pump", "series": "16", "api-key": "abc123"})
	if m.Name != "pump" || m.BrandAccountID != brand || m.Series != "16" || m.APIKey == nil || *m.APIKey != "abc123" || m.CreatedBy.Email != modeller || m.ModifiedAt != nil {
		t.Errorf("model = %+v", m)
	}
	key := s.addKey("serials")
	if row := s.lastAct(); !strings.Contains(row, `"what":"create-key"`) || !strings.Contains(row, `"who":"`+modeller+`"`) || !strings.Contains(row, `"from":"loopback"`) {
		t.Errorf("the newest row of the audit trail is %s, want the key of %s", row, modeller)
	}
	if key.Name != "serials" || len(key.SHA3384) != 64 || len(key.Fingerprint) != 40 || key.Registered || key.BrandAccountID != brand {
		t.Errorf("key = %+v", key)
	}
	other := s.addKey("spare")
	policies := inBrand + "/model/pump/serial_policy"
	for i, k := range []string{key.SHA3384, other.SHA3384} {
		var p api.SerialPolicy
		s.want(201, &p, modeller, "POST", policies, map[string]string{"signing-key-sha3-384": k})
		if p.Revision != i+1 || p.SigningKey != k || p.Authority != brand || p.ModelName != "pump" || p.Registered {
			t.Errorf("policy = %+v", p)
		}
	}
	s.wantActive(other.SHA3384)
	s.refused(409, api.CodeInUse, modeller, "DELETE", inBrand+"/signing_key/"+other.SHA3384, nil)
	s.want(204, nil, modeller, "DELETE", policies+"/2", nil)
	s.wantActive(key.SHA3384)
	s.want(204, nil, modeller, "DELETE", inBrand+"/signing_key/"+other.SHA3384, nil)
	if left, err := s.token.Keys(t.Context()); err != nil || len(left) != 1 {
		t.Errorf("keys on the token: %v, %v; want one", left, err)
	}
	var p api.SerialPolicy
	s.want(201, &p, modeller, "POST", policies, map[string]string{"signing-key-sha3-384": key.SHA3384})
	if p.Revision != 3 {
		t.Errorf("a revision is used again: %d", p.Revision)
	}
	s.want(200, &m, modeller, "PATCH", inBrand+"/model/pump", map[string]any{"api-key": nil})
	if m.APIKey != nil || m.ModifiedAt == nil || m.ModifiedBy.Email != modeller {
		t.Errorf("changed model = %+v", m)
	}
	s.want(204, nil, modeller, "DELETE", inBrand+"/model/pump", nil)
	s.want(204, nil, modeller, "DELETE", inBrand+"/signing_key/"+key.SHA3384, nil)
	for _, path := range []string{"/model", "/signing_key"} {
		var list []any
		if s.want(200, &list, viewer, "GET", inBrand+path, nil); list == nil || len(list) != 0 {
			t.Errorf("GET %s = %v, want an empty list", path, list)
		}
	}
}

// wantActive checks which key signs for the model.
func (s *store) wantActive(key string) {
	s.t.Helper()
	var list []api.Model
	s.want(200, &list, viewer, "GET", inBrand+"/model", nil)
	if len(list) != 1 || list[0].ActiveSigningKey == nil || *list[0].ActiveSigningKey != key {
		s.t.Errorf("models = %+v, want the key %s", list, key)
	}
}

// TestKeyIsRegistered takes a key's request outside, and its account-key back.
func TestKeyIsRegistered(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	key := s.addKey("serials")
	status, text := s.call(modeller, "GET", inBrand+"/signing_key/"+key.SHA3384+"/key-request", nil)
	request, err := assertion.Decode(text)
	if err != nil || status != 200 {
		t.Fatalf("key-request = %d %s: %v", status, text, err)
	}
	got := map[string]string{}
	for _, name := range []string{"type", "account-id", "name", "public-key-sha3-384", "sign-key-sha3-384"} {
		got[name] = request.HeaderString(name)
	}
	want := map[string]string{"type": "account-key-request", "account-id": brand, "name": "serials", "public-key-sha3-384": key.SHA3384, "sign-key-sha3-384": key.SHA3384}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
	s.push(s.stack.Register(request))
	var keys []api.SigningKey
	if s.want(200, &keys, viewer, "GET", inBrand+"/signing_key", nil); len(keys) != 1 || !keys[0].Registered {
		t.Errorf("keys = %+v, want a registered one", keys)
	}
}

// TestAPIKeysAreHidden checks that only model administrators see API keys.
func TestAPIKeysAreHidden(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	s.want(201, nil, modeller, "POST", inBrand+"/model", map[string]string{"name": "pump", "series": "16", "api-key": "secretkey"})
	for as, sees := range map[string]bool{viewer: false, operator: false, modeller: true} {
		status, text := s.call(as, "GET", inBrand+"/model", nil)
		if status != 200 || strings.Contains(string(text), "secretkey") != sees || !strings.Contains(string(text), `"api-key-set":true`) {
			t.Errorf("models as %s = %d %s", as, status, text)
		}
	}
}

// TestWhoMayDoWhat tries each call with each role, and without a login.
func TestWhoMayDoWhat(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	for call, readers := range map[string]bool{
		"GET /v1/tokens/whoami":                           true,
		"GET " + inBrand:                                  true,
		"GET " + inBrand + "/model":                       true,
		"GET " + inBrand + "/model/m/serial_policy":       true,
		"GET " + inBrand + "/model/m/serial-log":          true,
		"GET " + inBrand + "/model/m/serial/s/serial-log": true,
		"GET " + inBrand + "/signing_key":                 true,
		"GET " + inBrand + "/remodel-allowlist":           true,
		"HEAD " + inBrand + "/remodel-allowlist":          true,
		"GET " + inBrand + "/signing_key/k/key-request":   false,
		"POST " + inBrand + "/model":                      false,
		"PATCH " + inBrand + "/model/m":                   false,
		"DELETE " + inBrand + "/model/m":                  false,
		"POST " + inBrand + "/model/m/serial_policy":      false,
		"DELETE " + inBrand + "/model/m/serial_policy/1":  false,
		"POST " + inBrand + "/signing_key":                false,
		"DELETE " + inBrand + "/signing_key/k":            false,
		"POST " + inBrand + "/remodel-allowlist":          false,
		"PATCH " + inBrand + "/remodel-allowlist":         false,
		"POST " + inBrand + "/remodel-allowlist/delete":   false,
	} {
		method, path, _ := strings.Cut(call, " ")
		for as, want := range map[string]int{"": 401, viewer: 403, operator: 403, modeller: 0} {
			if as != "" && readers {
				want = 0
			}
			status, text := s.call(as, method, path, nil)
			denied := status == http.StatusUnauthorized || status == http.StatusForbidden
			if want != 0 && status != want || want == 0 && denied {
				t.Errorf("%s as %q = %d %s, want %d", call, as, status, text, want)
			}
			if want == 403 && !strings.Contains(string(text), "model-administrator") {
				t.Errorf("%s as %q does not name the role: %s", call, as, text)
			}
		}
	}
}

func TestWhoami(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	s.addModel("pump")
	var w api.Whoami
	s.want(200, &w, viewer, "GET", "/v1/tokens/whoami", nil)
	if w.Account.Email != viewer || len(w.Roles) != 1 || w.Roles[0] != "viewer" || w.Expires.IsZero() || strings.Contains(strings.Join(w.BrandPermissions[brand], " "), "manage") {
		t.Errorf("whoami = %+v", w)
	}
	if s.want(200, &w, modeller, "GET", "/v1/tokens/whoami", nil); !strings.Contains(strings.Join(w.BrandPermissions[brand], " "), "manage-signing-key") {
		t.Errorf("whoami = %+v", w)
	}
}
