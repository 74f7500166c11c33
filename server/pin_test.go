package server_test

import (
	"fmt"
	"strings"
	"testing"

	"offlinestore/assertion"
	"offlinestore/catalog"
	"offlinestore/internal/assertiontest"
	"offlinestore/server"
	"offlinestore/snap"
)

// TestPinnedComponents asks with validation sets that pin the released component, another one, and one that is not here.
func TestPinnedComponents(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	c := catalogue(b)
	jq := &c.Snaps[2]
	older := snap.Resource{Name: "docs", Revision: 2, Type: "component/standard", Version: "0", Download: snap.Download{SHA3384: strings.Repeat("ab", 48), Size: int64(len("older component"))}}
	jq.Revisions[1].Further = []snap.Resource{older}
	stack, err := assertiontest.New()
	if err != nil {
		t.Fatal(err)
	}
	acme := stack.NewAccount("acme", "brand")
	for sequence, docs := range []string{"3", "2", "9"} {
		set := acme.ValidationSet("base", sequence+1, []any{
			map[string]any{"name": "jq", "id": jqID, "components": map[string]any{"docs": map[string]any{"presence": "required", "revision": docs}}},
			map[string]any{"name": "absent", "id": strings.Repeat("A", 32)},
		}, nil)
		c.Assertions = append(c.Assertions, stored(set))
	}
	h := serve(t, b, c, server.Config{}).Handler()
	for _, tt := range []struct{ sets, want string }{
		{`[]`, "docs_3"},
		{`[["16","acme","base","1"]]`, "docs_3"},
		{`[["16","acme","base","2"]]`, "docs_2"},
		{`[["16","acme","base","3"]]`, "docs_3"},
		{`[["16","acme","other","2"],["16","acme","base","2"]]`, "docs_2"},
		{`[[],["16"],["16","acme","base"]]`, "docs_3"},
	} {
		for _, what := range []string{`"revision":6`, `"channel":"stable"`} {
			body := fmt.Sprintf(`{"context":[],"fields":["resources"],"actions":[{"action":"install","instance-key":"k","name":"jq",%s,"validation-sets":%s}]}`, what, tt.sets)
			if got := bodyOf(t, call(t, h, "POST", "http://store.example/v2/snaps/refresh", body)); !strings.Contains(got, "+"+tt.want+".comp") || strings.Count(got, ".comp") != 1 {
				t.Errorf("%s with the sets %s is answered with %s, want %s", what, tt.sets, got, tt.want)
			}
		}
	}
}

func stored(a *assertion.Assertion) catalog.Assertion {
	return catalog.Assertion{Type: a.Type(), PrimaryKey: a.Ref().PrimaryKey, Format: a.Format(), Revision: a.Revision(), Raw: a.Raw()}
}
