package charm_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/charm"
)

func ubuntu(ch, arch string) charm.Base {
	return charm.Base{Architecture: arch, Channel: ch, Name: "ubuntu"}
}

func TestParseBase(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]charm.Base{
		"ubuntu@22.04":        ubuntu("22.04", ""),
		"ubuntu@22.04/stable": ubuntu("22.04", ""),
		"jammy":               ubuntu("22.04", ""),
		"trusty":              ubuntu("14.04", ""),
		"resolute":            ubuntu("26.04", ""),
		"centos@7":            {Channel: "7", Name: "centos"},
		"centos7":             {Channel: "7", Name: "centos"},
		"centos9":             {Channel: "9", Name: "centos"},
		"kubernetes":          {},
		"ubuntu@kubernetes":   {},
	} {
		if got, err := charm.ParseBase(in); err != nil || got != want {
			t.Errorf("ParseBase(%q) = %v, %v, want %v", in, got, err, want)
		}
	}
	for _, in := range []string{"", "22.04", "ubuntu@", "@22.04", "NA@NA", "ubuntu@NA", "all@all", "Jammy", "ubuntu@22 04", "ubuntu@\n", "win2012"} {
		if got, err := charm.ParseBase(in); err == nil {
			t.Errorf("ParseBase(%q) = %v, want an error", in, got)
		}
	}
}

func TestIsLTS(t *testing.T) {
	t.Parallel()
	for b, want := range map[charm.Base]bool{
		ubuntu("22.04", "amd64"):           true,
		ubuntu("26.04", ""):                true,
		ubuntu("23.04", ""):                false,
		ubuntu("22.10", ""):                false,
		ubuntu("x", ""):                    false,
		{Name: "centos", Channel: "8.4"}:   false,
		{Name: "debian", Channel: "22.04"}: false,
	} {
		if got := b.IsLTS(); got != want {
			t.Errorf("IsLTS(%s) = %v, want %v", b, got, want)
		}
	}
}

func TestNearestLTS(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		want charm.Base
		have []charm.Base
		get  charm.Base
	}{
		{"itself", ubuntu("22.04", "amd64"), []charm.Base{ubuntu("24.04", "amd64"), ubuntu("22.04", "amd64")}, ubuntu("22.04", "amd64")},
		{"itself, no LTS", ubuntu("23.10", "amd64"), []charm.Base{ubuntu("24.04", "amd64"), ubuntu("23.10", "amd64")}, ubuntu("23.10", "amd64")},
		{"back", ubuntu("22.04", "amd64"), []charm.Base{ubuntu("18.04", "amd64"), ubuntu("20.04", "amd64"), ubuntu("26.04", "amd64")}, ubuntu("20.04", "amd64")},
		{"forward", ubuntu("22.04", "amd64"), []charm.Base{ubuntu("16.04", "amd64"), ubuntu("24.04", "amd64")}, ubuntu("24.04", "amd64")},
		{"tie", ubuntu("22.04", "amd64"), []charm.Base{ubuntu("20.04", "amd64"), ubuntu("24.04", "amd64")}, ubuntu("24.04", "amd64")},
		{"only of the architecture", ubuntu("22.04", "arm64"), []charm.Base{ubuntu("22.04", "amd64"), ubuntu("20.04", "arm64")}, ubuntu("20.04", "arm64")},
		{"none of the architecture", ubuntu("22.04", "arm64"), []charm.Base{ubuntu("22.04", "amd64")}, charm.Base{}},
		{"any architecture", ubuntu("22.04", ""), []charm.Base{ubuntu("22.04", "s390x")}, ubuntu("22.04", "s390x")},
		{"no LTS", ubuntu("22.04", "amd64"), []charm.Base{ubuntu("22.10", "amd64"), {Architecture: "amd64", Channel: "7", Name: "centos"}}, charm.Base{}},
		{"of no base", charm.Base{}, []charm.Base{ubuntu("20.04", "amd64"), ubuntu("24.04", "arm64"), ubuntu("22.04", "amd64")}, ubuntu("24.04", "arm64")},
		{"nothing", ubuntu("22.04", "amd64"), nil, charm.Base{}},
	}
	for _, tt := range tests {
		if got := charm.NearestLTS(tt.want, tt.have); got != tt.get {
			t.Errorf("%s: NearestLTS(%s) = %s, want %s", tt.name, tt.want, got, tt.get)
		}
	}
}

func TestSortBases(t *testing.T) {
	t.Parallel()
	got := []charm.Base{
		{Architecture: "amd64", Channel: "7", Name: "centos"}, ubuntu("25.10", "amd64"), ubuntu("22.04", "arm64"), ubuntu("24.04", "amd64"),
		ubuntu("22.04", "amd64"), ubuntu("devel", "amd64"), {Architecture: "amd64", Channel: "9", Name: "centos"},
	}
	charm.SortBases(got)
	want := []charm.Base{
		ubuntu("24.04", "amd64"), ubuntu("22.04", "amd64"), ubuntu("22.04", "arm64"), ubuntu("25.10", "amd64"), ubuntu("devel", "amd64"),
		{Architecture: "amd64", Channel: "9", Name: "centos"}, {Architecture: "amd64", Channel: "7", Name: "centos"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("SortBases (-want +got):\n%s", d)
	}
}

func FuzzParseBase(f *testing.F) {
	f.Add("ubuntu@22.04/stable")
	f.Add("jammy")
	f.Fuzz(func(t *testing.T, s string) {
		b, err := charm.ParseBase(s)
		if err != nil || b == (charm.Base{}) {
			return
		}
		if again, err := charm.ParseBase(b.Name + "@" + b.Channel); err != nil || again != b {
			t.Errorf("ParseBase(%q) = %v, which parses to %v, %v", s, b, again, err)
		}
		b.Architecture = "amd64"
		if err := b.Validate(); err != nil {
			t.Errorf("ParseBase(%q) = %v: %v", s, b, err)
		}
	})
}
