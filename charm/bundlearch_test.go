package charm_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/charm"
)

// TestApplicationArchitectures checks which architectures a bundle names for its applications: of their own, and of their machines.
func TestApplicationArchitectures(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"{applications: {a: {charm: x}}}":                                                                                            "a [] []",
		"{applications: {a: {charm: x, constraints: mem=4G arch=arm64}}}":                                                            "a [arm64] []",
		"{applications: {a: {charm: x, constraints: 'arch=  mem=4G'}}}":                                                              "a [] []",
		"{applications: {a: {charm: x, constraints: null}}}":                                                                         "a [] []",
		"{applications: {a: {charm: 'ch:arm64/jammy/x'}}}":                                                                           "a [arm64] []",
		"{applications: {a: {charm: 'ch:s390x/x-3'}}}":                                                                               "a [s390x] []",
		"{applications: {a: {charm: 'ch:arm64/x', constraints: arch=s390x}}}":                                                        "a [s390x] []", // as Juju asks
		"{applications: {a: {charm: x, to: ['0']}}, machines: {0: {constraints: arch=arm64}}}":                                       "a [] [arm64]",
		"{applications: {a: {charm: x, to: 0}}, machines: {'0': {constraints: arch=arm64}}}":                                         "a [] [arm64]",
		"{applications: {a: {charm: x, to: ['lxd:1']}}, machines: {0: , 1: {constraints: arch=arm64}}}":                              "a [] [arm64]",
		"{applications: {a: {charm: x, to: ['0']}}, machines: {0: , 1: {constraints: arch=arm64}}}":                                  "a [] []",
		"{applications: {a: {charm: x, to: ['0', '1']}}, machines: {0: {constraints: arch=s390x}, 1: {constraints: arch=arm64}}}":    "a [] [arm64 s390x]",
		"{applications: {a: {charm: x, to: ['0'], constraints: arch=amd64}}, machines: {0: {constraints: arch=arm64}}}":              "a [amd64] []",
		"{applications: {a: {charm: x, to: ['b/0']}, b: {charm: y, to: [new, 'lxd:c', a]}, c: {charm: z, constraints: arch=arm64}}}": "a [] [arm64]\nb [] [arm64]\nc [arm64] []",
		// A subordinate has no units, and no constraints. It runs beside the others.
		"{applications: {a: {charm: x, num_units: 1, constraints: arch=arm64}, sub: {charm: y}, b: {charm: z, num_units: 1}}}": "a [arm64] []\nb [] []\nsub [] [arm64]",
		"{applications: {a: {charm: x, constraints: arch=arm64}, b: {charm: y}}}":                                              "a [arm64] []\nb [] []",
		"{bundle: kubernetes, applications: {a: {charm: x, scale: 1, constraints: arch=arm64}, b: {charm: y}}}":                "a [arm64] []\nb [] []",
	} {
		b, err := charm.ParseBundle([]byte(text))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		var got []string
		for _, a := range b.Applications {
			got = append(got, fmt.Sprint(a.Name, " ", a.Architectures, " ", a.Beside))
		}
		if diff := cmp.Diff(want, strings.Join(got, "\n")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
	for text, want := range map[string]string{
		"{applications: {a: {charm: x, constraints: arch=vax}}}":                                `application a: constraints: architecture "vax"`,
		"{applications: {a: {charm: x}}, machines: {7: {constraints: arch=vax}}}":               `machine 7: constraints: architecture "vax"`,
		"{applications: {a: {charm: x, constraints: '" + strings.Repeat("mem=1 ", 300) + "'}}}": "longer than",
	} {
		if _, err := charm.ParseBundle([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80s: %v, want %q", text, err, want)
		}
	}
}

// TestPlacementsAreBounded parses a bundle whose applications are all placed on one another. Its architectures must not be looked for along
// each path.
func TestPlacementsAreBounded(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("applications:\n")
	for i := range 40 {
		fmt.Fprintf(&b, "  a%d: {charm: x, to: [", i)
		for j := range 40 {
			fmt.Fprintf(&b, "a%d, ", j)
		}
		b.WriteString("]}\n")
	}
	if _, err := charm.ParseBundle([]byte(b.String())); err != nil {
		t.Error(err)
	}
}
