package gateway_test

import (
	"errors"
	"strings"
	"testing"

	"offlinestore/registrar"
	"offlinestore/server/gateway"
	"offlinestore/server/gateway/api"
)

// TestBadRequests checks that bad requests are refused with the reason, and change nothing.
func TestBadRequests(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	s.addModel("pump")
	s.addModel("valve")
	const models, keys, remodels = inBrand + "/model", inBrand + "/signing_key", inBrand + "/remodel-allowlist"
	long := strings.Repeat("a", 300)
	for _, c := range []struct {
		status             int
		code, method, path string
		body               any
	}{
		{404, api.CodeNotFound, "GET", "/v1/brand/nobody", nil},
		{404, api.CodeNotFound, "POST", "/v1/brand/nobody/model", `{}`},
		{404, api.CodeNotFound, "GET", "/v1/brand/" + long + "/model", nil},
		{404, api.CodeNotFound, "GET", "/v1/brand/a%2Fb%00", nil},
		{404, api.CodeNotFound, "GET", "/v1/nothing", nil},
		{404, api.CodeNotFound, "PUT", models, `{}`},
		{400, api.CodeBadRequest, "POST", models, ``},
		{400, api.CodeBadRequest, "POST", models, `[]`},
		{400, api.CodeBadRequest, "POST", models, `{"name":"m","series":"16"} x`},
		{400, api.CodeBadRequest, "POST", models, `{"name":"m","series":"16","force":true}`},
		{400, api.CodeBadRequest, "POST", models, `{"name":"m","name":"n","series":"16"}`},
		{400, api.CodeBadRequest, "POST", models, `{"Name":"m","series":"16"}`},
		{400, api.CodeBadRequest, "POST", models, "{\"name\":\"m\",\"series\":\"16\",\"api-key\":\"\xff\"}"},
		{400, api.CodeBadRequest, "POST", models, `null`},
		{400, api.CodeBadRequest, "POST", models, strings.Repeat("[", 100_000)},
		{400, api.CodeBadRequest, "POST", models, `{"series":"16"}`},
		{400, api.CodeBadRequest, "POST", models, `{"name":"m"}`},
		{400, api.CodeBadRequest, "POST", models, `{"name":"m","series":"18"}`},
		{400, api.CodeBadRequest, "POST", models, `{"name":"Pump","series":"16"}`},
		{400, api.CodeBadRequest, "POST", models, `{"name":"a--b","series":"16"}`},
		{400, api.CodeBadRequest, "POST", models, `{"name":"a/b","series":"16"}`},
		{400, api.CodeBadRequest, "POST", models, `{"name":"` + long + `","series":"16"}`},
		{400, api.CodeBadRequest, "POST", models, `{"name":"m","series":"16","api-key":""}`},
		{400, api.CodeBadRequest, "POST", models, `{"name":"m","series":"16","api-key":"a b"}`},
		{400, api.CodeBadRequest, "POST", models, `{"name":"m","series":"16","api-key":"` + long + `"}`},
		{413, api.CodeTooLarge, "POST", models, `{"name":"` + strings.Repeat("a", 2<<20) + `"}`},
		{409, api.CodeExists, "POST", models, `{"name":"pump","series":"16"}`},
		{404, api.CodeNotFound, "PATCH", models + "/none", `{"api-key":"a"}`},
		{400, api.CodeBadRequest, "PATCH", models + "/pump", `{}`},
		{400, api.CodeBadRequest, "PATCH", models + "/pump", `{"api-key":1}`},
		{404, api.CodeNotFound, "DELETE", models + "/none", nil},
		{404, api.CodeNotFound, "GET", models + "/none/serial_policy", nil},
		{404, api.CodeNotFound, "POST", models + "/pump/serial_policy", `{"signing-key-sha3-384":"none"}`},
		{404, api.CodeNotFound, "POST", models + "/none/serial_policy", `{"signing-key-sha3-384":"none"}`},
		{400, api.CodeBadRequest, "POST", models + "/pump/serial_policy", `{}`},
		{404, api.CodeNotFound, "DELETE", models + "/pump/serial_policy/1", nil},
		{404, api.CodeNotFound, "DELETE", models + "/pump/serial_policy/99999999999999999999", nil},
		{400, api.CodeBadRequest, "POST", keys, `{"name":""}`},
		{400, api.CodeBadRequest, "POST", keys, `{"name":"Serials"}`},
		{400, api.CodeBadRequest, "POST", keys, `{"name":"` + long + `"}`},
		{404, api.CodeNotFound, "DELETE", keys + "/none", nil},
		{404, api.CodeNotFound, "GET", keys + "/none/key-request", nil},
		{400, api.CodeBadRequest, "GET", models + "/pump/serial-log?page-size=0", nil},
		{400, api.CodeBadRequest, "GET", models + "/pump/serial-log?page-size=501", nil},
		{400, api.CodeBadRequest, "GET", models + "/pump/serial-log?cursor=next", nil},
		{400, api.CodeBadRequest, "GET", models + "/pump/serial-log?start-time=yesterday", nil},
		{400, api.CodeBadRequest, "GET", models + "/pump/serial/s/serial-log?include-serial-assertion=1", nil},
		{400, api.CodeBadRequest, "GET", remodels + "?cursor=AAAA", nil},
		{400, api.CodeBadRequest, "POST", remodels, `{"allowlist":[]}`},
		{400, api.CodeBadRequest, "POST", remodels, `{"allowlist":[{"from-model":"pump","to-model":"pump"}]}`},
		{400, api.CodeBadRequest, "POST", remodels, `{"allowlist":[{"from-model":"pump","to-model":"valve","from-serial":""}]}`},
		{400, api.CodeBadRequest, "POST", remodels, `{"allowlist":[{"from-model":"pump","to-model":"valve","from-serial":"a/b"}]}`},
		{400, api.CodeBadRequest, "POST", remodels, `{"allowlist":[{"from-model":"pump","to-model":"valve","description":"` + strings.Repeat("a", 1001) + `"}]}`},
		{400, api.CodeBadRequest, "POST", remodels, `{"allowlist":[` + strings.Repeat(`{"from-model":"pump","to-model":"valve"},`, 500) + `{"from-model":"pump","to-model":"valve"}]}`},
		{404, api.CodeNotFound, "POST", remodels, `{"allowlist":[{"from-model":"pump","to-model":"none"}]}`},
		{409, api.CodeExists, "POST", remodels, `{"allowlist":[{"from-model":"pump","to-model":"valve"},{"from-model":"pump","to-model":"valve"}]}`},
		{404, api.CodeNotFound, "PATCH", remodels, `{"allowlist":[{"from-model":"pump","to-model":"valve"}]}`},
		{404, api.CodeNotFound, "POST", remodels + "/delete", `{"allowlist":[{"from-model":"pump","to-model":"valve"}]}`},
	} {
		s.refused(c.status, c.code, modeller, c.method, c.path, c.body)
	}
	var list api.RemodelAllowlist
	if s.want(200, &list, viewer, "GET", remodels, nil); len(list.Allowlist) != 0 {
		t.Errorf("a refused request has changed the allow-list: %+v", list)
	}
}

// TestTokenFails lets the token be absent, broken and busy.
func TestTokenFails(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	key := s.addKey("serials")
	s.token.Break(errors.Join(registrar.ErrNoToken, errors.New("no slot has the label acme")))
	status, text := s.call(modeller, "POST", inBrand+"/signing_key", `{"name":"more"}`)
	if status != 503 || !strings.Contains(string(text), "no slot has the label acme") || !strings.Contains(string(text), api.CodeNoToken) {
		t.Errorf("no token = %d %s, want 503 with the reason", status, text)
	}
	s.refused(503, api.CodeNoToken, modeller, "DELETE", inBrand+"/signing_key/"+key.SHA3384, nil)
	s.token.Break(registrar.ErrBusy)
	s.refused(503, api.CodeBusy, modeller, "GET", inBrand+"/signing_key/"+key.SHA3384+"/key-request", nil)
	s.token.Break(nil)
	var keys []api.SigningKey
	if s.want(200, &keys, viewer, "GET", inBrand+"/signing_key", nil); len(keys) != 1 {
		t.Errorf("keys = %+v, want the one that could not be deleted", keys)
	}
	s.serve(gateway.Config{})
	status, text = s.call(modeller, "POST", inBrand+"/signing_key", `{"name":"more"}`)
	if status != 409 || !strings.Contains(string(text), "proxy.hsm.token-label") {
		t.Errorf("a store without a token = %d %s, want 409 and the setting", status, text)
	}
}
