package wanted_test

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/docs"
	"offlinestore/wanted"
)

// example returns the example in docs/wanted.md.
func example(t testing.TB) string {
	t.Helper()
	page, err := fs.ReadFile(docs.Files(), "wanted.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, ok := strings.Cut(string(page), "```yaml\n")
	text, _, end := strings.Cut(text, "```\n")
	if !ok || !end {
		t.Fatal("docs/wanted.md has no example")
	}
	return text
}

func TestParse(t *testing.T) {
	t.Parallel()
	f, err := wanted.Parse("wanted.yaml", []byte(example(t)))
	if err != nil {
		t.Fatal(err)
	}
	got := []any{f.Architectures, f.Channels, f.Snaps[0].Name, f.Snaps[1].Channels, f.Snaps[2].PushChannel, f.Charms[0].Resources["postgresql-image"].Image,
		f.Bundles[0].Name, f.ValidationSets[0].String(), f.Models[0].File, f.Stores[0].ID, f.Receivers, f.Snaps[1].Line, f.Snaps[1].Column}
	want := []any{[]string{"amd64", "arm64"}, []string{"stable"}, "jq", []string{"stable", "edge"}, "beta", "local/postgres:14",
		"pg-bundle", "acme/tools", "pump.model", "acme-pumps", []string{"ship-7", "ship-8"}, 6, 5}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Parse (-want +got):\n%s", diff)
	}
	if f, err = wanted.Parse("wanted.yaml", []byte("snaps: [jq]")); err != nil || f.Architectures[0] != "amd64" || f.Channels[0] != "stable" {
		t.Errorf("Parse of one snap = %+v, %v; want the defaults", f, err)
	}
}

// TestProblems finds all mistakes of a text, with their places.
func TestProblems(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"snap: [jq]":                         `f:1:1: unknown key "snap": did you mean "snaps"?`,
		"snaps: [1]":                         `f:1:9: want a text, or a mapping with the keys name, channels, architectures, revision, push_channel, not "1"`,
		"snaps: [{}]":                        `f:1:9: it lacks the key "name"`,
		"snaps: {}":                          `f:1:8: want a list, such as '[…]' or lines that begin with '- ', not a mapping`,
		"snaps: [{name: jq, revision: 0}]":   `f:1:30: want a number from 1 to 2147483647, not "0"`,
		"snaps: [{name: jq, revision: 1.5}]": `f:1:30: want a number from 1 to 2147483647, not "1.5"`,
		"icons: maybe\nsnaps: [jq]":          `f:1:8: want true or false, not "maybe"`,
		"snaps: [&x {name: jq, more: *x}]":   `f: an alias to what contains it`,
		"- jq":                               `f:1:1: want a mapping with keys such as snaps and charms, not a list`,
		"jq":                                 `f:1:1: want a mapping with keys such as snaps and charms, not "jq"`,
		"":                                   `f: it asks for nothing: name snaps, charms, bundles, images, validation-sets, models or stores`,
		"? [a]\n: b":                         `f:1:3: want a name before the colon, not a list`,
		"validation-sets: [tools]":           `f:1:19: validation set "tools": want ACCOUNT/NAME or ACCOUNT/NAME=SEQUENCE`,
		"models: [{}]":                       `f:1:10: a model has either a file or an assertion`,
		"receivers: [-x]\nsnaps: [jq]":       `f:1:13: receiver "-x": want 1 to 64 letters, digits, dots, dashes and underscores, beginning with a letter or digit`,
		"applications: {pg: {}}":             `f:1:1: parse bundle.yaml: application pg: no charm`,
		"series: jammy\nsnaps: [jq]":         `f:1:1: unknown key "series": want one of architectures, channels, base, snaps, charms, bundles, images, validation-sets, account-keys, models, stores, receivers, dependencies, icons, charm-snaps, charm-images, packages`,
		"charms: [{name: pg, resources: {a: true}}]":                            `f:1:36: want the revision of the resource, or the name of its image, not "true"`,
		"channels: [stable, edge]\nsnaps: [{name: jq, push_channel: x/stable}]": `f:2:9: snap jq: which of 2 channels is to be pushed to x/stable? Name a revision, or one channel`,
		"\xff": `f: not UTF-8`,
	} {
		_, err := wanted.Parse("f", []byte(text))
		if e, ok := errors.AsType[*wanted.FileError](err); !ok || e.Error() != want {
			t.Errorf("Parse(%q):\n%v, want\n%s", text, err, want)
		}
	}
	if _, err := wanted.Parse("f", []byte("snaps:\n"+strings.Repeat("  - ../x\n", 20))); err == nil || !strings.HasSuffix(err.Error(), "; 12 more") {
		t.Errorf("Parse of 20 mistakes: %v, want 8 of them", err)
	}
}

// TestDigest compares files that ask for the same items in several forms.
func TestDigest(t *testing.T) {
	t.Parallel()
	digest := func(text string) string {
		t.Helper()
		f, err := wanted.Parse("f", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		d, err := f.Digest()
		if err != nil {
			t.Fatal(err)
		}
		return d.String()
	}
	first := digest("snaps: [jq]")
	for _, same := range []string{"# more\nsnaps:\n  - name: jq\n", "channels: [stable]\narchitectures: [amd64]\nsnaps: [jq]", "packages: [{name: jq}]", "snaps: [jq]\nreceivers: [x]", "snaps: [jq]\ncharms: []"} {
		if digest(same) != first {
			t.Errorf("%q has another digest", same)
		}
	}
	for _, other := range []string{"snaps: [hello]", "snaps: [jq, hello]", "snaps: [{name: jq, revision: 6}]", "icons: false\nsnaps: [jq]", "channels: [edge]\nsnaps: [jq]"} {
		if digest(other) == first {
			t.Errorf("%q has the same digest", other)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(example(f)))
	f.Add([]byte("applications: {a: {charm: b}}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		file, err := wanted.Parse("f", text)
		if err != nil {
			if _, ok := errors.AsType[*wanted.FileError](err); !ok {
				t.Errorf("%T", err)
			}
			return
		}
		if _, err := file.Digest(); err != nil {
			t.Error(err)
		}
	})
}
