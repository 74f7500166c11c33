package upstream_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"offlinestore/upstream"
)

// TestWebPageIsNotTheStore checks that a 404 of a proxy or of a captive portal is not taken for the answer that a snap does not exist.
func TestWebPageIsNotTheStore(t *testing.T) {
	t.Parallel()
	c, _ := newClient(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(http.StatusNotFound)
		w.Write([]byte("<html>log in to the network first</html>"))
	}), upstream.Config{})
	_, infoErr := c.Info(t.Context(), "jq")
	_, assertionErr := c.Assertion(t.Context(), "account", []string{"canonical"}, 0)
	for name, err := range map[string]error{"Info": infoErr, "Assertion": assertionErr} {
		if !errors.Is(err, upstream.ErrNotStore) || errors.Is(err, upstream.ErrNotFound) || !strings.Contains(err.Error(), "this is not the store") {
			t.Errorf("%s = %v, want ErrNotStore", name, err)
		}
	}
}
