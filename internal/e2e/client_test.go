//go:build linux

package e2e_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/assertion"
	"offlinestore/internal/snapddriver"
	"offlinestore/internal/upstreamtest"
	"offlinestore/snap"
)

// client runs snapd's own store and asserts code, of about version 2.47, as a device of the store inside.
type client struct {
	url, root string
	upstream  *origin
}

// do runs one subcommand and checks its exit code.
func (c *client) do(t *testing.T, code int, command string, args ...string) *snapddriver.Answer {
	t.Helper()
	got := snapddriver.Run(t, append([]string{command, "--store", c.url}, args...)...)
	if got.Code != code {
		t.Fatalf("snapdclient %s %q exits with %d, want %d: %s", command, args, got.Code, code, got.Stderr)
	}
	return got
}

// fetch asks for one snap, downloads it and verifies everything up to the root.
func (c *client) fetch(t *testing.T, args ...string) snapddriver.Snap {
	t.Helper()
	got := c.do(t, snapddriver.ExitOK, "install", append([]string{"--root", c.root, "--dir", t.TempDir()}, args...)...)
	if len(got.Snaps) != 1 || got.Snaps[0].Path == "" {
		t.Fatalf("install %q downloads %+v, want one snap", args, got.Snaps)
	}
	return got.Snaps[0]
}

// installed returns the driver's flag for a snap that the device has installed.
func installed(name string, revision int, channel string) string {
	return fmt.Sprintf("%s=%s,%d,%s", name, upstreamtest.ID(name), revision, channel)
}

// newClientStore exports, pushes and serves the demonstration's catalogue and three more snaps: greeter, which gets
// further revisions later; stepper, whose epochs change; and shut, whose stable channel is closed.
func newClientStore(t *testing.T) (*client, *outside, *inside) {
	t.Helper()
	up := newOrigin(t)
	for _, name := range []string{"greeter", "stepper", "shut"} {
		up.addSnap(name)
	}
	up.upload("greeter", upstreamtest.Rev{Revision: 1}, "stable")
	up.upload("stepper", upstreamtest.Rev{Revision: 1}, "stable")
	up.upload("shut", upstreamtest.Rev{Revision: 1}, "edge")
	o := newOutside(t, up.url, up.Stack.RootStream())
	in := newInside(t, o)
	in.serve() // the store is still empty
	in.push(o.export("hello", "--no-deps", "--channel", "2.0/edge/fix-greeting")...)
	in.push(o.export("jq", "hello", "gnome-calculator", "greeter", "stepper", "shut", "--channel", "stable", "--channel", "edge")...)
	for _, name := range []string{"jq", "gnome-calculator", "gtk-common-themes", "greeter", "stepper"} {
		in.await(name, "stable", 0)
	}
	in.await("hello", "2.0/edge", 42)
	in.await("shut", "edge", 1)
	return &client{in.url, o.root, up}, o, in
}

// TestSnapdClient checks the answers to every kind of request that snapd's own code can send.
func TestSnapdClient(t *testing.T) {
	t.Parallel()
	c, o, in := newClientStore(t)
	t.Run("queries", func(t *testing.T) {
		for name, test := range map[string]func(*testing.T, *client){
			"install": installs, "refuses": refusals, "tracks": tracks, "branch": branch, "all": anyArchitecture, "info": infos,
			"find": finds, "catalogue": catalogues, "assertions": assertions,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t, c)
			})
		}
	})
	t.Run("refresh", func(t *testing.T) { refreshes(t, c, o, in) })
	t.Run("override", func(t *testing.T) { overrides(t, c, in) })
	t.Run("cohorts", func(t *testing.T) { cohorts(t, c, o, in) })
	t.Run("take back", func(t *testing.T) { takesBack(t, c, o, in) })
	t.Run("epochs", func(t *testing.T) { epochs(t, c, o, in) })
	t.Run("removal", func(t *testing.T) { removals(t, c, o, in) })
}

func installs(t *testing.T, c *client) {
	for _, args := range [][]string{{"jq"}, {"--action", "download", "--channel", "stable", "jq"}, {"--session", "jq"},
		{"--action", "refresh", "--installed", installed("jq", 5, "latest/stable"), "jq"}, {"--channel", "latest/beta", "jq"}} {
		got := c.fetch(t, args...)
		if got.Name != "jq" || got.Revision != 6 || got.EffectiveChannel != "stable" || got.Base != "core24" || got.Publisher.Username != "mvo" {
			t.Errorf("install %q: %s revision %d from %q on %q by %q, want jq 6 from stable on core24 by mvo",
				args, got.Name, got.Revision, got.EffectiveChannel, got.Base, got.Publisher.Username)
		}
		sameFile(t, got.Path, filepath.Join(c.upstream.dir, "jq_6.snap"))
	}
	// snapd reports a closed channel if the answer to a request by revision names another channel than the tracked one.
	if got := c.fetch(t, "--revision", "6", "jq"); got.Revision != 6 || got.EffectiveChannel != "" {
		t.Errorf("install by revision: revision %d from %q, want 6 from no channel", got.Revision, got.EffectiveChannel)
	}
	// This snapd reads snap-declarations up to format 4; jq has formats 0, 3 and 5.
	got := c.fetch(t, "jq")
	chain, err := os.ReadFile(got.AssertionsPath)
	if err != nil {
		t.Fatal(err)
	}
	list, err := assertion.DecodeAll(chain)
	if err != nil {
		t.Fatal(err)
	}
	var types []string
	for _, a := range list {
		types = append(types, a.Type())
		if a.Type() == "snap-declaration" && a.Format() != 3 {
			t.Errorf("the snap-declaration has format %d, want 3", a.Format())
		}
	}
	if diff := cmp.Diff(types, []string{"account-key", "account", "snap-declaration", "snap-revision"}); diff != "" {
		t.Errorf("assertions fetched (-got +want):\n%s", diff)
	}
}

func sameFile(t *testing.T, got, want string) {
	t.Helper()
	g, err := os.ReadFile(got)
	if err != nil {
		t.Fatal(err)
	}
	w, err := os.ReadFile(want)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(g, w) {
		t.Errorf("%s is not what the store outside has", filepath.Base(got))
	}
}

func refusals(t *testing.T, c *client) {
	for _, test := range []struct {
		name string
		args []string
		want snapddriver.Error
	}{
		{"unknown name", []string{"install", "nothing-like-it"}, snapddriver.Error{Kind: "snap-not-found", Name: "nothing-like-it", Action: "install"}},
		{"closed channel", []string{"install", "--channel", "stable", "shut"}, snapddriver.Error{
			Kind: "revision-not-available", Name: "shut", Action: "install", Channel: "stable",
			Releases: []snapddriver.Release{{Architecture: "amd64", Channel: "edge"}},
		}},
		{"architecture", []string{"install", "--arch", "arm64", "--channel", "edge", "jq"}, snapddriver.Error{
			Kind: "revision-not-available", Name: "jq", Action: "install", Channel: "edge",
			Releases: []snapddriver.Release{{Architecture: "amd64", Channel: "stable"}, {Architecture: "amd64", Channel: "edge"}},
		}},
		{"revision", []string{"install", "--revision", "99", "greeter"}, snapddriver.Error{
			Kind: "revision-not-available", Name: "greeter", Action: "install", Releases: []snapddriver.Release{{Architecture: "amd64", Channel: "stable"}},
		}},
		{"info", []string{"info", "nothing-like-it"}, snapddriver.Error{Kind: "snap-not-found"}},
		{"assertion", []string{"assertion", "snap-declaration", "16", "nothing-like-it"}, snapddriver.Error{Kind: "assertion-not-found"}},
	} {
		got := c.do(t, snapddriver.ExitAnswer, test.args[0], test.args[1:]...)
		got.Error.Message = "" // snapd's own words
		slices.SortFunc(got.Error.Releases, func(a, b snapddriver.Release) int { return len(b.Channel) - len(a.Channel) })
		if diff := cmp.Diff(*got.Error, test.want); diff != "" {
			t.Errorf("%s (-got +want):\n%s", test.name, diff)
		}
	}
}

// tracks installs from a snap with a default track, which devices must follow from then on.
func tracks(t *testing.T, c *client) {
	for _, test := range []struct {
		channel, effective, redirect string
		revision                     int
	}{
		{"", "2.0/stable", "2.0/stable", 38},
		{"edge", "2.0/edge", "2.0/edge", 42},
		{"2.0/edge", "2.0/edge", "", 42},
		{"2.0/candidate", "2.0/stable", "", 38}, // candidate was not exported
	} {
		got := c.fetch(t, "--channel", test.channel, "hello")
		if got.Revision != test.revision || got.EffectiveChannel != test.effective || got.RedirectChannel != test.redirect {
			t.Errorf("install from %q: revision %d from %q, redirected to %q, want %+v", test.channel, got.Revision, got.EffectiveChannel, got.RedirectChannel, test)
		}
	}
}

func branch(t *testing.T, c *client) {
	got := c.fetch(t, "--channel", "2.0/edge/fix-greeting", "hello")
	if got.Revision != 43 || got.EffectiveChannel != "2.0/edge/fix-greeting" {
		t.Errorf("install from a branch: revision %d from %q", got.Revision, got.EffectiveChannel)
	}
	// A branch that does not exist falls back to its channel.
	if got := c.fetch(t, "--channel", "2.0/edge/none", "hello"); got.Revision != 42 || got.EffectiveChannel != "2.0/edge" {
		t.Errorf("install from no branch: revision %d from %q", got.Revision, got.EffectiveChannel)
	}
}

// anyArchitecture installs a snap for all architectures on an architecture without exports of its own.
func anyArchitecture(t *testing.T, c *client) {
	got := c.fetch(t, "--arch", "riscv64", "hello")
	if got.Revision != 38 || !slices.Equal(got.Architectures, []string{"all"}) {
		t.Errorf("install on riscv64: revision %d for %q", got.Revision, got.Architectures)
	}
}

func infos(t *testing.T, c *client) {
	got := c.do(t, snapddriver.ExitOK, "info", "jq").Snaps[0]
	if got.Title != "jq" || got.SnapID != upstreamtest.ID("jq") || got.Publisher.DisplayName != "Michael Vogt" || len(got.Media) != 1 {
		t.Errorf("info: %+v", got)
	}
	revisions := map[string]int{}
	for name, row := range got.Channels {
		revisions[name] = row.Revision
	}
	if diff := cmp.Diff(revisions, map[string]int{"latest/stable": 6, "latest/edge": 8}); diff != "" {
		t.Errorf("channels of info (-got +want):\n%s", diff)
	}
	// This store serves the icons, because devices can reach no other server.
	var icon bytes.Buffer
	getFile(t, got.Media[0].URL, c.url, &icon)
	if !bytes.HasPrefix(icon.Bytes(), []byte("\x89PNG")) {
		t.Errorf("the icon is %.20q", icon.Bytes())
	}
	hello := c.do(t, snapddriver.ExitOK, "info", "hello").Snaps[0]
	if diff := cmp.Diff(hello.Tracks, []string{"2.0"}); diff != "" {
		t.Errorf("tracks of info (-got +want):\n%s", diff)
	}
}

func finds(t *testing.T, c *client) {
	for _, test := range []struct {
		args []string
		want []string
	}{
		{[]string{"--query", "JSON processor"}, []string{"jq"}},
		{[]string{"--query", "vandine"}, []string{"gnome-calculator", "gtk-common-themes"}}, // the publisher's name
		{[]string{"--query", "gre", "--name"}, []string{"greeter"}},
		{[]string{"--section", "education"}, []string{"hello"}},
		{[]string{"--query", "hello", "--section", "education"}, []string{"hello"}},
		{[]string{"--query", "nothing-like-it"}, nil},
	} {
		var names []string
		for _, s := range c.do(t, snapddriver.ExitOK, "find", test.args...).Snaps {
			names = append(names, s.Name)
		}
		slices.Sort(names)
		if diff := cmp.Diff(names, test.want); diff != "" {
			t.Errorf("find %q (-got +want):\n%s", test.args, diff)
		}
	}
}

// catalogues sends the requests that snapd sends once a day.
func catalogues(t *testing.T, c *client) {
	want := []string{"development", "education", "featured", "utilities"}
	sections := c.do(t, snapddriver.ExitOK, "sections").Sections
	slices.Sort(sections)
	if diff := cmp.Diff(sections, want); diff != "" {
		t.Errorf("sections (-got +want):\n%s", diff)
	}
	// This snapd is too old to ask for categories, which snapd 2.60 introduced.
	var answer snap.CategoriesResponse
	resp := get(t, c.url+"/v2/snaps/categories", &answer)
	if got := resp.Header.Get("Content-Type"); got != "application/json" || resp.StatusCode != 200 {
		t.Errorf("categories come with %d as %q, which snapd compares with application/json", resp.StatusCode, got)
	}
	var categories []string
	for _, n := range answer.Categories {
		categories = append(categories, n.Name)
	}
	slices.Sort(categories)
	if diff := cmp.Diff(categories, want); diff != "" {
		t.Errorf("categories (-got +want):\n%s", diff)
	}
	names := c.do(t, snapddriver.ExitOK, "names")
	i := slices.IndexFunc(names.Catalog, func(e snapddriver.CatalogEntry) bool { return e.Name == "jq" })
	if i < 0 || !slices.Equal(names.Catalog[i].Commands, []string{"jq"}) || !slices.Contains(names.Names, "greeter") {
		t.Errorf("names: %q, catalogue %+v", names.Names, names.Catalog)
	}
}

// assertions asks for changed assertions in bulk, as snapd does before it refreshes.
func assertions(t *testing.T, c *client) {
	ref := "snap-declaration/16/" + upstreamtest.ID("jq")
	got := c.do(t, snapddriver.ExitOK, "fetch-assertions", "--root", c.root, ref)
	if n := len(got.Assertions); n == 0 || got.Assertions[n-1].Ref != ref {
		t.Errorf("fetch-assertions: %+v, want %s in the end", got.Assertions, ref)
	}
	have := c.fetch(t, "jq").AssertionsPath
	c.do(t, snapddriver.ExitOK, "fetch-assertions", "--root", c.root, "--have", have, ref)
}
