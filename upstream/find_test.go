package upstream_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/upstream"
)

func TestFindNames(t *testing.T) {
	t.Parallel()
	c, _ := newClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v2/snaps/find" || r.URL.Query().Get("q") != "jq" || r.Header.Get("Snap-Device-Series") != "16" {
			t.Errorf("asked for %s with %v", r.URL, r.Header)
		}
		io.WriteString(w, `{"results":[{"name":"jq","snap":{}},{"name":"../jq"},{"name":"jq-core"},7]}`)
	}), upstream.Config{Retries: -1})
	names, err := c.FindNames(t.Context(), "jq")
	if diff := cmp.Diff([]string{"jq", "jq-core"}, names); err != nil || diff != "" {
		t.Errorf("names (-want +got), %v:\n%s", err, diff)
	}
}
