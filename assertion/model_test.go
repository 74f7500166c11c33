package assertion_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/assertion"
	"offlinestore/internal/assertiontest"
)

// TestGenuineModels reads the models of Canonical and of brands: each has a base or core, and snapd if it needs it.
func TestGenuineModels(t *testing.T) {
	t.Parallel()
	dir := os.Getenv("OFFLINESTORE_REALDATA")
	if dir == "" {
		t.Skip("OFFLINESTORE_REALDATA is not set")
	}
	paths, err := filepath.Glob(filepath.Join(dir, "asserts/verified/model/*.assert"))
	if err != nil || len(paths) < 40 {
		t.Fatalf("%d genuine models, %v", len(paths), err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		list, err := assertion.DecodeAll(text)
		if err != nil {
			t.Fatal(err)
		}
		m, err := list[0].Model()
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if !slices.ContainsFunc(m.Snaps, func(s assertion.ModelSnap) bool { return s.Name == "snapd" || s.Name == "core" }) {
			t.Errorf("%s: neither snapd nor core in %v", path, m.Snaps)
		}
	}
}

func TestModel(t *testing.T) {
	t.Parallel()
	brand := assertiontest.NewStack(t).NewAccount("acme", "brand")
	for name, c := range map[string]struct {
		headers assertiontest.Headers
		want    *assertion.Model // nil for an error
	}{
		"listed": {assertiontest.Headers{"classic": nil, "base": "core24", "store": "s", "serial-authority": []any{"generic"},
			"validation-sets": []any{map[string]any{"name": "a", "mode": "enforce"}, map[string]any{"account-id": "b", "name": "c", "sequence": "3", "mode": "enforce"}},
			"snaps": []any{
				map[string]any{"name": "pc", "id": "x", "type": "gadget", "default-channel": "24/edge"},
				map[string]any{"name": "jq", "components": map[string]any{"docs": "optional", "extra": map[string]any{"presence": "required", "modes": []any{"run"}}}},
				map[string]any{"name": "snapd", "type": "snapd", "default-channel": "latest/beta"},
			}},
			&assertion.Model{Brand: "acme", Name: "m", Architecture: "amd64", Store: "s", SerialAuthorities: []string{"generic"},
				Sets: []assertion.ModelSet{{Account: "acme", Name: "a"}, {Account: "b", Name: "c", Sequence: "3"}},
				Snaps: []assertion.ModelSnap{{Name: "pc", SnapID: "x", Channel: "24/edge"},
					{Name: "jq", Channel: "latest/stable", Components: []assertion.SetComponent{{Name: "docs", Presence: "optional"}, {Name: "extra", Presence: "required"}}},
					{Name: "snapd", Channel: "latest/beta"}, {Name: "core24", Channel: "latest/stable"}}}},
		"older": {assertiontest.Headers{"classic": nil, "gadget": "pc=18", "kernel": "pc-kernel", "base": "core18", "required-snaps": []any{"hello", "core18"}},
			&assertion.Model{Brand: "acme", Name: "m", Architecture: "amd64", Snaps: []assertion.ModelSnap{{Name: "pc", Channel: "18/stable"},
				{Name: "pc-kernel", Channel: "latest/stable"}, {Name: "hello", Channel: "latest/stable"}, {Name: "core18", Channel: "latest/stable"}, {Name: "snapd", Channel: "latest/stable"}}}},
		"on core": {assertiontest.Headers{"classic": nil, "gadget": "pc", "kernel": "pc-kernel"},
			&assertion.Model{Brand: "acme", Name: "m", Architecture: "amd64", Snaps: []assertion.ModelSnap{{Name: "pc", Channel: "latest/stable"},
				{Name: "pc-kernel", Channel: "latest/stable"}, {Name: "core", Channel: "latest/stable"}}}},
		"classic": {nil, &assertion.Model{Brand: "acme", Name: "m", Architecture: "amd64", Snaps: []assertion.ModelSnap{{Name: "snapd", Channel: "latest/stable"}}}},

		"no list":          {assertiontest.Headers{"snaps": "jq"}, nil},
		"a list of texts":  {assertiontest.Headers{"snaps": []any{"jq"}}, nil},
		"a snap twice":     {assertiontest.Headers{"snaps": []any{map[string]any{"name": "jq"}, map[string]any{"name": "jq"}}}, nil},
		"bad components":   {assertiontest.Headers{"snaps": []any{map[string]any{"name": "jq", "components": "docs"}}}, nil},
		"a bad presence":   {assertiontest.Headers{"snaps": []any{map[string]any{"name": "jq", "components": map[string]any{"docs": "maybe"}}}}, nil},
		"bad sets":         {assertiontest.Headers{"validation-sets": "x"}, nil},
		"a set of no name": {assertiontest.Headers{"validation-sets": []any{map[string]any{"mode": "enforce"}}}, nil},
		"bad authorities":  {assertiontest.Headers{"serial-authority": "generic"}, nil},
		"required maps":    {assertiontest.Headers{"required-snaps": []any{map[string]any{"name": "jq"}}}, nil},
	} {
		got, err := brand.Model("m", c.headers).Model()
		if (err != nil) != (c.want == nil) {
			t.Errorf("%s: Model = %v", name, err)
		} else if diff := cmp.Diff(got, c.want); c.want != nil && diff != "" {
			t.Errorf("%s (-got +want):\n%s", name, diff)
		}
	}
	if m, err := brand.Account.Model(); err == nil {
		t.Errorf("Model of an account = %v", m)
	}
}
