package gateway_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"offlinestore/server/gateway"
)

// FuzzBody checks that a body is refused with a reason, or gives values within their limits.
func FuzzBody(f *testing.F) {
	for _, s := range []string{`{"name":"pump","series":"16","api-key":"abc"}`, `{"api-key":null}`, `{"signing-key-sha3-384":"id"}`,
		`{"allowlist":[{"from-model":"a","to-model":"b","from-serial":"s","description":"d"}]}`, `{"allowlist":[{"from-model":"a","to-model":"b","from-serial":null}]}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader([]byte(body)))
		r.Header.Set("Content-Type", "application/json")
		list, err := gateway.ReadRemodels(r)
		if err != nil && err.Error() == "" {
			t.Error("refused without a reason")
		}
		for _, m := range list {
			for _, part := range []string{m.FromModel, m.ToModel} {
				if part == "" || len(part) > 128 || strings.ToLower(part) != part || strings.ContainsAny(part, "/ \n\x00") {
					t.Errorf("accepted the model %q", part)
				}
			}
			if len(m.FromSerial) > 256 || strings.ContainsAny(m.FromSerial, "/\n\x00") || m.FromModel == m.ToModel || len(m.Description) > 1000 {
				t.Errorf("accepted %+v", m)
			}
		}
		if len(list) > 500 {
			t.Errorf("accepted %d entries", len(list))
		}
	})
}

// FuzzQuery checks the sizes and cursors of pages.
func FuzzQuery(f *testing.F) {
	for _, s := range []string{"page-size=10&cursor=NQ", "start-time=2025-03-20T05:19:52.00&end-time=2026-03-20", "cursor=YQpiCmM", "page-size=501", "page-size=-1&cursor=%00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		q, _ := url.ParseQuery(text)
		size, key, err := gateway.ReadPage(q)
		if err == nil && (size < 1 || size > 500 || len(key) != 3) {
			t.Errorf("%q: size %d, key %q", text, size, key)
		}
		if key != nil && strings.Join(key, "") != "" && *gateway.NewCursor(key...) == "" {
			t.Errorf("the key %q has no cursor", key)
		}
	})
}
