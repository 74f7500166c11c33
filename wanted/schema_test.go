package wanted

import (
	"bytes"
	"io/fs"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"offlinestore/docs"
)

// schema reads docs/wanted.schema.json.
func schema(t *testing.T) (raw map[string]any, compiled *jsonschema.Schema) {
	t.Helper()
	text, err := fs.ReadFile(docs.Files(), "wanted.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("wanted.json", doc); err != nil {
		t.Fatal(err)
	}
	if compiled, err = c.Compile("wanted.json"); err != nil {
		t.Fatal(err)
	}
	return doc.(map[string]any), compiled
}

// TestSchemaHasEveryKey compares the keys of the schema with the fields of the types, in both directions.
func TestSchemaHasEveryKey(t *testing.T) {
	t.Parallel()
	raw, _ := schema(t)
	defs := raw["$defs"].(map[string]any)
	keys := func(def any) []string {
		var out []string
		for name := range def.(map[string]any)["properties"].(map[string]any) {
			out = append(out, name)
		}
		slices.Sort(out)
		return out
	}
	for _, v := range []any{Snap{}, Package{}, Charm{}, CharmBundle{}, Images{}, Image{}, ValidationSet{}, AccountKey{}, Model{}, Store{}} {
		typ := reflect.TypeOf(v)
		want := slices.Sorted(slices.Values(names(typ)))
		if got := keys(defs[typ.Name()]); !slices.Equal(got, want) {
			t.Errorf("%s has the keys %q, and the schema %q", typ.Name(), want, got)
		}
	}
	want := slices.Sorted(slices.Values(append(names(reflect.TypeFor[File]()), "applications")))
	if got := keys(raw); !slices.Equal(got, want) {
		t.Errorf("the file has the keys %q, and the schema %q", want, got)
	}
}

// TestSchemaAgrees validates texts with the schema and with the decoder. Both take the same ones.
func TestSchemaAgrees(t *testing.T) {
	t.Parallel()
	_, s := schema(t)
	page, err := fs.ReadFile(docs.Files(), "wanted.md")
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(string(page), "```yaml\n")
	example, _, _ = strings.Cut(example, "```\n")
	for text, valid := range map[string]bool{
		example:       true,
		"snaps: [jq]": true,
		"snaps: [{name: jq, channels: [stable], architectures: [amd64]}]":                                                                  true,
		"packages: [{name: jq, revision: 6, push_channel: stable}]":                                                                        true,
		"series: jammy\napplications: {a: {charm: b, num_units: 1}}\nrelations: []":                                                        true,
		"charms: [{name: pg, bases: [ubuntu@22.04], revision: 2, resources: {a: 1, b: x/y:1}}]":                                            true,
		"images: {include: false, referrers: true, architectures: [amd64]}\nbundles: [{name: kit, channels: [edge]}]":                      true,
		"validation-sets: [acme/tools=3, {account: acme, name: tools, sequence: 2}]":                                                       true,
		"images: [docker.io/library/postgres:16, {name: ghcr.io/acme/app:1, as: acme/app:stable, architectures: [all], referrers: false}]": true,
		"charm-images: {include: false}\nimages: [nginx]":                                                                                  true,
		"images: nginx":                      false,
		"images: [{nam: nginx}]":             false,
		"images: [{name: nginx, as: X}]":     false,
		"images: ['a b']":                    false,
		"images: [1]":                        false,
		"charm-images: [nginx]":              false,
		"stores: [{id: acme, snaps: false}]": true,
		"models: [{file: x.model}]":          true,
		"dependencies: false\nicons: false\ncharm-snaps: true\nsnaps: [jq]": true,
		"snap: [jq]":                                 false,
		"snaps: [{nam: jq}]":                         false,
		"snaps: [1]":                                 false,
		"snaps: [{name: jq, revision: 0}]":           false,
		"snaps: jq":                                  false,
		"series: jammy\nsnaps: [jq]":                 false,
		"icons: maybe\nsnaps: [jq]":                  false,
		"stores: [a, a]":                             false,
		"stores: [a, b]":                             true,
		"models: [{}]":                               false,
		"receivers: [-x]\nsnaps: [jq]":               false,
		"validation-sets: [tools]":                   false,
		"architectures: [all]\nsnaps: [jq]":          false,
		"account-keys: [{account: a, id: short}]":    false,
		"charms: [{name: pg, resources: {a: true}}]": false,
	} {
		var v any
		if err := yaml.Unmarshal([]byte(text), &v); err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(v); (err == nil) != valid {
			t.Errorf("the schema says of %q: %v", text, err)
		}
		if _, err := Parse("f", []byte(text)); (err == nil) != valid {
			t.Errorf("the decoder says of %q: %v", text, err)
		}
	}
}
