package charm_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/charm"
)

func number(n int) *int { return &n }

func TestParseBundle(t *testing.T) {
	t.Parallel()
	const text = `
name: stack
description: A stack
series: focal
default-base: ubuntu@22.04/stable
applications:
  by-name: {charm: postgresql, channel: 14/stable, scale: 3, to: [0], plan: x}
  by-url: {charm: "ch:amd64/jammy/mysql-router-k8s-5", series: noble}
  by-series: {charm: "ch:bionic/etcd", revision: 7}
  of-kubernetes: {charm: loki-k8s, series: kubernetes}
  of-base: {charm: loki-k8s, base: ubuntu@24.04, series: focal}
  own: {charm: ./own.charm, series: jammy}
  older: {charm: "local:jammy/older-3"}
  built: {charm: built_ubuntu-22.04-amd64.charm}
  track: {charm: etcd, channel: 1.29}
  resources:
    charm: postgresql-k8s
    resources: {image: "postgres:local-image", core: 0, file: ./core.snap, other: &o 5, same: *o}
relations: [[a, b]]
`
	b, err := charm.ParseBundle([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	jammy := ubuntu("22.04", "")
	amd64 := []string{"amd64"} // of by-url; the others have no units
	want := &charm.BundleFile{Name: "stack", Description: "A stack", Applications: []charm.Application{
		{Name: "built", Charm: "built_ubuntu-22.04-amd64.charm", Local: true, Base: jammy, Beside: amd64},
		{Name: "by-name", Charm: "postgresql", Channel: "14/stable", Base: jammy},
		{Name: "by-series", Charm: "etcd", Revision: number(7), Base: ubuntu("18.04", ""), Beside: amd64},
		{Name: "by-url", Charm: "mysql-router-k8s", Revision: number(5), Base: ubuntu("24.04", ""), Architectures: amd64},
		{Name: "of-base", Charm: "loki-k8s", Base: ubuntu("24.04", ""), Beside: amd64},
		{Name: "of-kubernetes", Charm: "loki-k8s", Beside: amd64},
		{Name: "older", Charm: "local:jammy/older-3", Local: true, Base: jammy, Beside: amd64},
		{Name: "own", Charm: "./own.charm", Local: true, Base: jammy, Beside: amd64},
		{Name: "resources", Charm: "postgresql-k8s", Base: jammy, Beside: amd64, Resources: map[string]charm.ResourceValue{
			"image": {Image: "postgres:local-image"}, "core": {Revision: number(0)}, "file": {Image: "./core.snap"}, "other": {Revision: number(5)}, "same": {Revision: number(5)},
		}},
		{Name: "track", Charm: "etcd", Channel: "1.29", Base: jammy, Beside: amd64},
	}}
	if d := cmp.Diff(want, b); d != "" {
		t.Errorf("ParseBundle (-want +got):\n%s", d)
	}
	if r := b.Applications[8].Resources; !r["file"].IsPath() || r["image"].IsPath() || r["core"].IsPath() {
		t.Error("IsPath does not tell a path from an image")
	}
}

func TestParseBundleOverlays(t *testing.T) {
	t.Parallel()
	const text = `---
series: focal
services:
  a: {charm: one, channel: edge, revision: 3, resources: {x: 1, y: 2, z: 3}}
  b: {charm: two}
---
---
applications:
  a: {channel: 2/stable, resources: {y: 5, z: null, w: postgres:mine}}
  b:
  c: {charm: three, base: ubuntu@22.04}
`
	b, err := charm.ParseBundle([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	want := []charm.Application{
		{Name: "a", Charm: "one", Channel: "2/stable", Revision: number(3), Base: ubuntu("20.04", ""), Resources: map[string]charm.ResourceValue{
			"x": {Revision: number(1)}, "y": {Revision: number(5)}, "w": {Image: "postgres:mine"},
		}},
		{Name: "c", Charm: "three", Base: ubuntu("22.04", "")},
	}
	if d := cmp.Diff(want, b.Applications); d != "" {
		t.Errorf("applications (-want +got):\n%s", d)
	}
}

// TestParseBundleFiles merges overlays from files of their own, as juju deploy --overlay does.
func TestParseBundleFiles(t *testing.T) {
	t.Parallel()
	base := "default-base: ubuntu@20.04\nmachines: {0: {constraints: arch=arm64}}\napplications:\n  a: {charm: one, to: [0], resources: {x: 1}}\n  b: {charm: two, resources: {x: 1}}\n  c: {charm: three, series: centos7}\n"
	one := "default-base: ubuntu@22.04\napplications:\n  a: {channel: edge, resources: }\n  b: {channel: beta}\n---\napplications: {b: {channel: edge}}\n"
	two := "machines: {0: {constraints: arch=s390x}}\napplications:\n  c:\n  d: {charm: four, constraints: arch=riscv64, constraints: arch=arm64}\n"
	b, err := charm.ParseBundle([]byte(base), []byte(one), []byte(two), nil)
	if err != nil {
		t.Fatal(err)
	}
	jammy := ubuntu("22.04", "")
	want := &charm.BundleFile{Repeated: []string{`"constraints" in line 4`}, Applications: []charm.Application{
		{Name: "a", Charm: "one", Channel: "edge", Base: jammy, Beside: []string{"s390x"}},
		{Name: "b", Charm: "two", Channel: "edge", Base: jammy, Resources: map[string]charm.ResourceValue{"x": {Revision: number(1)}}},
		{Name: "d", Charm: "four", Base: jammy, Architectures: []string{"arm64"}},
	}}
	if d := cmp.Diff(want, b); d != "" {
		t.Errorf("ParseBundle (-want +got):\n%s", d)
	}
	if _, err := charm.ParseBundle([]byte(base), nil, []byte("applications: [a]\n")); err == nil || !strings.Contains(err.Error(), "overlay 2: ") {
		t.Errorf("a bad overlay: %v, want its number", err)
	}
}

func TestRefuseBundle(t *testing.T) {
	t.Parallel()
	many := strings.Builder{}
	many.WriteString("applications:\n")
	for i := range 1500 {
		fmt.Fprintf(&many, " a%d: {charm: c}\n", i)
	}
	tests := []struct{ name, in, want string }{
		{"empty", "", "no applications"},
		{"null", "---\n", "no applications"},
		{"none", "name: x\napplications: {}\n", "no applications"},
		{"all taken out", "applications: {a: {charm: b}}\n---\napplications: {a: null}\n", "no applications"},
		{"a list", "applications: [a]\n", "cannot unmarshal"},
		{"a word", "hello", "cannot unmarshal"},
		{"no YAML", "applications: {\n", "yaml:"},
		{"without charm", "applications: {a: {channel: stable}}\n", "application a: no charm"},
		{"bad name", "applications: {a: {charm: UPPER}}\n", "charm name"},
		{"a path up", "applications: {a: {charm: \"ch:../x\"}}\n", "want a name"},
		{"Charm Store", "applications: {a: {charm: \"cs:mysql-3\"}, b: {charm: \"~me/x\"}, c: {charm: ok}}\n", "to be had no more: cs:mysql-3, ~me/x"},
		{"two revisions", "applications: {a: {charm: x-3, revision: 4}}\n", "revision 3 in its charm, and 4"},
		{"negative", "applications: {a: {charm: x, revision: -1}}\n", "out of range"},
		{"large", "applications: {a: {charm: x, revision: 99999999999}}\n", "out of range"},
		{"large in charm", "applications: {a: {charm: x-99999999999999999999}}\n", "out of range"},
		{"text", "applications: {a: {charm: x, revision: newest}}\n", "cannot unmarshal"},
		{"channel", "applications: {a: {charm: x, channel: a/b/c/d}}\n", "channel"},
		{"base", "applications: {a: {charm: x, base: nowhere}}\n", "base \"nowhere\""},
		{"resource", "applications: {a: {charm: x, resources: {y: [1]}}}\n", "resource y"},
		{"resource name", "applications: {a: {charm: x, resources: {../y: 1}}}\n", "resource name"},
		{"resource revision", "applications: {a: {charm: x, resources: {y: -1}}}\n", "resource y"},
		{"resource with control", "applications: {a: {charm: x, resources: {y: \"a\\nb\"}}}\n", "resource y"},
		{"many", many.String(), "1500 applications"},
		{"documents", strings.Repeat("---\na: b\n", 100), "more than 64 documents"},
		{"bomb", bomb(30), "too many values"},
		{"long", "#" + strings.Repeat(" ", charm.MaxYAMLSize), "over the limit"},
	}
	for _, tt := range tests {
		got, err := charm.ParseBundle([]byte(tt.in))
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "parse bundle.yaml: ") {
			t.Errorf("%s: ParseBundle = %+v, %v, want an error with %q", tt.name, got, err, tt.want)
		}
	}
}

func FuzzParseBundle(f *testing.F) {
	f.Add([]byte("applications: {a: {charm: ch:amd64/jammy/x-1, resources: {y: 1}}}\n---\napplications: {a: {channel: edge}}\n"))
	f.Add([]byte("series: focal\nservices: &s {a: {charm: b}}\napplications: *s\n"))
	f.Add([]byte("a: &a {<<: *a}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		b, err := charm.ParseBundle(text)
		if err != nil {
			return
		}
		for _, app := range b.Applications {
			if app.Charm == "" || !app.Local && charm.ValidateName(app.Charm) != nil {
				t.Errorf("ParseBundle(%q): charm %q", text, app.Charm)
			}
		}
	})
}
