package admin_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"offlinestore/server/admin"
)

// FuzzAuthorization checks that only macaroons of the store are let in. There is no database behind it: a request that reached the
// database would have good macaroons.
func FuzzAuthorization(f *testing.F) {
	srv, err := admin.New(admin.Config{Secret: strings.Repeat("s", 64)})
	if err != nil {
		f.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "http://store.example/v2/auth/issue-store-admin", nil)
	w := httptest.NewRecorder()
	srv.Handler().ServeHTTP(w, r)
	_, root, _ := strings.Cut(w.Body.String(), `{"macaroon":"`)
	root, _, _ = strings.Cut(root, `"`)
	if root == "" {
		f.Fatalf("no macaroon in %s", w.Body)
	}
	f.Add(`Macaroon root="` + root + `", discharge="` + root + `"`)
	f.Add(`Macaroon root="AgEBYQACAWIAAAYg", discharge="e30"`)
	f.Add(`Macaroon root="eyJjIjpbXX0", discharge="eyJ2IjoyfQ"`)
	f.Fuzz(func(t *testing.T, header string) {
		r := httptest.NewRequest(http.MethodGet, "http://store.example/v2/metadata/overrides/jq", nil)
		r.Header["Authorization"] = []string{header}
		w := httptest.NewRecorder()
		srv.Handler().ServeHTTP(w, r)
		if w.Code != http.StatusUnauthorized {
			t.Errorf("%q = %d", header, w.Code)
		}
	})
}
