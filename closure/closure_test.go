package closure_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/charm"
	"offlinestore/closure"
	"offlinestore/snap"
)

// app returns a revision of an application on amd64 with a base, and a content plug for each provider.
func app(number int, base string, providers ...string) *snap.Revision {
	r := &snap.Revision{Number: number, Type: "app", Base: &base, Architectures: []string{"amd64"}, SnapYAML: "name: app\nplugs:\n"}
	for i, p := range providers {
		r.SnapYAML += "  plug" + string(rune('a'+i)) + ": {interface: content, default-provider: " + p + "}\n"
	}
	return r
}

// base returns a revision of a base.
func base(number int, archs ...string) *snap.Revision {
	return &snap.Revision{Number: number, Type: "base", Architectures: archs}
}

// in returns a row of a channel map.
func in(channel, arch string, revision int) snap.Release {
	return snap.Release{Architecture: arch, Channel: channel, Revision: revision}
}

// released returns a snap with one revision in latest/stable for amd64.
func released(name string, r *snap.Revision) closure.Snap {
	return closure.Snap{Name: name, Revisions: []*snap.Revision{r}, ChannelMap: []snap.Release{in("latest/stable", "amd64", r.Number)}}
}

// sentences returns the gaps in their printed form.
func sentences(gaps []closure.Gap) []string {
	out := []string{}
	for _, g := range gaps {
		out = append(out, g.String())
	}
	return out
}

func TestSnapGaps(t *testing.T) {
	t.Parallel()
	snapd := released("snapd", &snap.Revision{Number: 1, Type: "snapd", Architectures: []string{"amd64"}})
	tests := []struct {
		name  string
		snaps []closure.Snap
		want  []string
	}{
		{"nothing", nil, []string{}},
		{"base, snapd and provider", []closure.Snap{released("app", app(1, "core24", "themes"))},
			[]string{"core24 for amd64 is needed by app", "snapd for amd64 is needed by app", "themes for amd64 is needed by app"}},
		{"all is there", []closure.Snap{released("app", app(1, "core24")), released("core24", base(2, "amd64")), snapd}, []string{}},
		{"core is the base that nobody names", []closure.Snap{released("app", app(1, "")), snapd}, []string{"core for amd64 is needed by app"}},
		{"two need the same", []closure.Snap{released("b", app(1, "core24")), released("a", app(1, "core24")), snapd}, []string{"core24 for amd64 is needed by a, b"}},
		{"a closed row needs nothing", []closure.Snap{{Name: "app", Revisions: []*snap.Revision{app(1, "core24")}, ChannelMap: []snap.Release{in("latest/stable", "amd64", 0)}}}, []string{}},
		{"another architecture", []closure.Snap{snapd, released("core24", base(1, "amd64", "arm64")),
			{Name: "app", Revisions: []*snap.Revision{app(1, "core24")}, ChannelMap: []snap.Release{in("latest/stable", "arm64", 1)}}},
			[]string{"app in latest/stable for arm64 has revision 1, which is for amd64", "core24 for arm64 is needed by app", "snapd for arm64 is needed by app"}},
		{"a base for all architectures", []closure.Snap{snapd, released("bare", base(1, "all")),
			{Name: "app", Revisions: []*snap.Revision{app(1, "bare")}, ChannelMap: []snap.Release{in("latest/edge", "arm64", 1)}}},
			[]string{"app in latest/edge for arm64 has revision 1, which is for amd64", "snapd for arm64 is needed by app"}},
		{"devices look in the stable channel", []closure.Snap{snapd, released("app", app(1, "core24")),
			{Name: "core24", Revisions: []*snap.Revision{base(1, "amd64")}, ChannelMap: []snap.Release{in("latest/edge", "amd64", 1)}}},
			[]string{"core24 for amd64 is needed by app"}},
		{"and in the default track", []closure.Snap{snapd, released("app", app(1, "", "lib")), released("core", base(1, "amd64")),
			{Name: "lib", DefaultTrack: "2", Revisions: []*snap.Revision{base(1, "amd64")}, ChannelMap: []snap.Release{in("2/stable", "amd64", 1)}}}, []string{}},
		{"a row whose revision is not here", []closure.Snap{snapd, released("app", app(1, "core24")),
			{Name: "core24", ChannelMap: []snap.Release{in("latest/stable", "amd64", 1)}}}, []string{"core24 for amd64 is needed by app"}},
	}
	for _, tt := range tests {
		got := sentences((&closure.Set{Snaps: tt.snaps}).Gaps())
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: gaps (-want +got):\n%s", tt.name, diff)
		}
	}
}

// TestEachArchitecture shows that an export plan needs a row for each architecture, even of a revision that runs on all.
func TestEachArchitecture(t *testing.T) {
	t.Parallel()
	s := &closure.Set{Snaps: []closure.Snap{released("bare", base(1, "all")),
		{Name: "app", Revisions: []*snap.Revision{app(1, "bare")}, ChannelMap: []snap.Release{in("latest/stable", "arm64", 1)}}}, EachArchitecture: true}
	want := []closure.SnapNeed{
		{Name: "snapd", Architecture: "amd64", By: "bare", Essential: true},
		{Name: "bare", Architecture: "arm64", By: "app", Essential: true},
		{Name: "snapd", Architecture: "arm64", By: "app", Essential: true},
	}
	if diff := cmp.Diff(want, s.SnapNeeds()); diff != "" {
		t.Errorf("needs (-want +got):\n%s", diff)
	}
	s.EachArchitecture = false
	want[1].Served = true
	if diff := cmp.Diff(want, s.SnapNeeds()); diff != "" {
		t.Errorf("needs of a store (-want +got):\n%s", diff)
	}
}

func TestGapString(t *testing.T) {
	t.Parallel()
	by := func(kind closure.Kind, names ...string) (out []closure.Needer) {
		for _, n := range names {
			out = append(out, closure.Needer{Kind: kind, Name: n})
		}
		return out
	}
	app := []closure.Needer{{Kind: closure.KindCharm, Name: "app", Revision: 7}}
	tests := []struct {
		gap  closure.Gap
		want string
	}{
		{closure.Gap{Kind: closure.KindSnap, Name: "core24", Architecture: "amd64", NeededBy: by(closure.KindSnap, "a", "b")}, "core24 for amd64 is needed by a, b"},
		{closure.Gap{Kind: closure.KindSnap, Name: "snapd", NeededBy: by(closure.KindSnap, "a", "b", "c", "d", "e", "f", "g", "h", "i")},
			"snapd is needed by a, b, c, d, e, f, g, h, i"},
		{closure.Gap{Kind: closure.KindSnap, Name: "snapd", NeededBy: by(closure.KindSnap, "a", "b", "c", "d", "e", "f", "g", "h", "i", "j")},
			"snapd is needed by a, b, c, d, e, f, g, h and 2 others"},
		{closure.Gap{Kind: closure.KindSnap, Name: "pc", Channel: "24/stable", Architecture: "amd64", NeededBy: by(closure.KindModel, "acme/box")},
			"pc in 24/stable for amd64 is needed by model acme/box"},
		{closure.Gap{Kind: closure.KindSnap, Name: "tool", Architecture: "amd64", InstalledFrom: "2/edge", NeededBy: app}, "snap tool for amd64 is needed by charm app revision 7"},
		{closure.Gap{Kind: closure.KindSnap, Name: "tool", Revision: 5, Architecture: "amd64", NeededBy: app}, "snap tool revision 5 for amd64 is needed by charm app revision 7"},
		{closure.Gap{Kind: closure.KindResource, Name: "data", NeededBy: app}, "resource data is needed by charm app revision 7"},
		{closure.Gap{Kind: closure.KindCharm, Name: "app", Channel: "9/edge", NeededBy: []closure.Needer{{Kind: closure.KindBundle, Name: "kit", Revision: 2}}},
			"charm app in 9/edge is needed by bundle kit revision 2"},
	}
	for _, tt := range tests {
		if got := tt.gap.String(); got != tt.want {
			t.Errorf("%+v is %q, want %q", tt.gap, got, tt.want)
		}
	}
}

func TestCharmGaps(t *testing.T) {
	t.Parallel()
	const metadata = "name: app\nresources:\n  data: {type: file, filename: data.bin}\n  image: {type: oci-image}\n"
	amd64 := &charm.Base{Name: "ubuntu", Channel: "22.04", Architecture: "amd64"}
	row := func(channel string, base *charm.Base, revision int, resources ...string) charm.Release {
		r := charm.Release{Base: base, Channel: channel, Revision: revision}
		for _, name := range resources {
			r.Resources = append(r.Resources, charm.ResourceRef{Name: name, Revision: 1})
		}
		return r
	}
	plain := func(name string, rows ...charm.Release) closure.Charm {
		return closure.Charm{Name: name, Type: charm.TypeCharm, ChannelMap: rows, Revisions: []closure.CharmRevision{{Revision: &charm.Revision{Number: 1, MetadataYAML: "name: app\n"}}}}
	}
	withResources := func(rows ...charm.Release) closure.Charm {
		c := plain("app", rows...)
		c.Revisions[0].MetadataYAML = metadata
		c.Resources = []closure.CharmResource{{Name: "data", Revision: 1}, {Name: "image", Revision: 1, Image: &charm.Image{Name: "local/app:1", Digest: "sha256:1"}}}
		return c
	}
	installs := func(hints ...charm.SnapHint) closure.Charm {
		c := plain("app", row("latest/stable", amd64, 1))
		c.Revisions[0].Snaps = hints
		return c
	}
	bundle := func(yaml string) closure.Charm {
		return closure.Charm{Name: "kit", Type: charm.TypeBundle, ChannelMap: []charm.Release{row("latest/stable", nil, 2)},
			Revisions: []closure.CharmRevision{{Revision: &charm.Revision{Number: 2, BundleYAML: "applications:\n  a: " + yaml + "\n"}}}}
	}
	tool := []closure.Snap{{Name: "tool", Revisions: []*snap.Revision{app(4, "none")}}}
	tests := []struct {
		name string
		set  closure.Set
		want []string
	}{
		{"all is there", closure.Set{Charms: []closure.Charm{withResources(row("latest/stable", amd64, 1, "data", "image"))}, Images: map[string]bool{"sha256:1": true}}, []string{}},
		{"a resource", closure.Set{Charms: []closure.Charm{withResources(row("latest/stable", amd64, 1, "image"))}, ImagesElsewhere: true},
			[]string{"resource data is needed by charm app revision 1"}},
		{"an image, in two rows", closure.Set{Charms: []closure.Charm{withResources(row("latest/stable", amd64, 1, "data", "image"), row("latest/edge", amd64, 1, "data", "image"))}},
			[]string{"image local/app:1 is needed by charm app revision 1"}},
		{"another registry has the images", closure.Set{Charms: []closure.Charm{withResources(row("latest/stable", amd64, 1, "data", "image"))}, ImagesElsewhere: true}, []string{}},
		{"a snap", closure.Set{Charms: []closure.Charm{installs(charm.SnapHint{Name: "away", Channel: "2/edge"})}}, []string{"snap away for amd64 is needed by charm app revision 1"}},
		{"a snap that is there", closure.Set{Snaps: tool, Charms: []closure.Charm{installs(charm.SnapHint{Name: "tool", Channel: "2/edge"})}}, []string{}},
		{"another revision of it", closure.Set{Snaps: tool, Charms: []closure.Charm{installs(charm.SnapHint{Name: "tool", Revisions: map[string]int{"": 5}})}},
			[]string{"snap tool revision 5 for amd64 is needed by charm app revision 1"}},
		{"a snap for other machines", closure.Set{Charms: []closure.Charm{installs(charm.SnapHint{Name: "tool", Revisions: map[string]int{"arm64": 5}})}}, []string{}},
		{"a charm", closure.Set{Charms: []closure.Charm{bundle("{charm: absent}")}}, []string{"charm absent is needed by bundle kit revision 2"}},
		{"a local charm", closure.Set{Charms: []closure.Charm{bundle("{charm: ./mine.charm}")}}, []string{}},
		{"a channel", closure.Set{Charms: []closure.Charm{bundle("{charm: app, channel: 9/edge}"), plain("app", row("latest/stable", amd64, 1))}},
			[]string{"charm app in 9/edge is needed by bundle kit revision 2"}},
		{"a channel that falls back", closure.Set{Charms: []closure.Charm{bundle("{charm: app, channel: edge}"), plain("app", row("latest/stable", amd64, 1))}}, []string{}},
		{"an architecture", closure.Set{Charms: []closure.Charm{bundle("{charm: app, constraints: arch=arm64}"), plain("app", row("latest/stable", amd64, 1))}},
			[]string{"charm app in latest/stable for arm64 is needed by bundle kit revision 2"}},
		{"an architecture that is there", closure.Set{Charms: []closure.Charm{bundle("{charm: app, constraints: arch=amd64}"), plain("app", row("latest/stable", amd64, 1))}}, []string{}},
		{"another base", closure.Set{Charms: []closure.Charm{func() closure.Charm {
			c := plain("app", row("latest/stable", amd64, 1))
			c.Revisions[0].Bases = []*charm.Base{{Name: "ubuntu", Channel: "24.04", Architecture: "amd64"}}
			return c
		}()}}, []string{"app in latest/stable for ubuntu@22.04 amd64 has revision 1, which is for ubuntu@24.04 amd64"}},
		{"a revision", closure.Set{Charms: []closure.Charm{bundle("{charm: app, channel: stable, revision: 2}"), plain("app", row("latest/stable", amd64, 1))}},
			[]string{"charm app revision 2 is needed by bundle kit revision 2"}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, sentences(tt.set.Gaps())); diff != "" {
			t.Errorf("%s: gaps (-want +got):\n%s", tt.name, diff)
		}
	}
}
