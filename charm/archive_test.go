package charm_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"offlinestore/charm"
)

// member is an entry of an archive made by a test.
type member struct{ name, text string }

func zipOf(t testing.TB, members ...member) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, m := range members {
		f, err := w.Create(m.name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(m.text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func open(b []byte) (*charm.Archive, error) {
	return charm.OpenArchive(bytes.NewReader(b), int64(len(b)))
}

const metadata = "name: demo\nsummary: s\ndescription: d\n"

func TestOpenArchive(t *testing.T) {
	t.Parallel()
	meta := metadata + `
subordinate: yes
resources:
  web-image: {type: oci-image, description: The image}
  policy: {type: file, filename: policy.zip}
provides: &p {site: {interface: http}}
requires: *p
`
	manifest := `
bases:
- {name: ubuntu, channel: "20.04/stable", architectures: [amd64]}
- {name: ubuntu, channel: "22.04", architectures: [arm64, all]}
- {name: ubuntu, channel: "22.04", architectures: [arm64]}
- {name: ubuntu, channel: "24.04"}
`
	a, err := open(zipOf(t, member{"hooks/", ""}, member{"metadata.yaml", meta}, member{"config.yaml", "options: {}\n"}, member{"manifest.yaml", manifest}, member{"venv/metadata.yaml", "["}))
	if err != nil {
		t.Fatal(err)
	}
	want := &charm.Archive{
		MetadataYAML: meta, ConfigYAML: "options: {}\n",
		Metadata: charm.Metadata{
			Name: "demo", Summary: "s", Description: "d", Subordinate: true,
			Resources: map[string]charm.ResourceMeta{"policy": {Type: "file", Filename: "policy.zip"}, "web-image": {Type: "oci-image", Description: "The image"}},
		},
		Bases: []charm.Base{ubuntu("20.04", "amd64"), ubuntu("22.04", "arm64"), ubuntu("22.04", "all"), ubuntu("24.04", "all")},
	}
	if d := cmp.Diff(want, a); d != "" {
		t.Errorf("OpenArchive (-want +got):\n%s", d)
	}
	bases := []charm.Base{ubuntu("24.04", "amd64"), ubuntu("24.04", "arm64"), ubuntu("22.04", "amd64"), ubuntu("22.04", "arm64"), ubuntu("20.04", "amd64")}
	if d := cmp.Diff(bases, a.ConcreteBases([]string{"arm64", "amd64"})); d != "" {
		t.Errorf("ConcreteBases (-want +got):\n%s", d)
	}
}

func TestSeriesBases(t *testing.T) {
	t.Parallel()
	a, err := open(zipOf(t, member{"metadata.yaml", metadata + "series: [focal, jammy, win2012, kubernetes]\n"}))
	if err != nil {
		t.Fatal(err)
	}
	want := []charm.Base{ubuntu("22.04", "amd64"), ubuntu("20.04", "amd64")}
	if d := cmp.Diff(want, a.ConcreteBases([]string{"amd64"})); d != "" {
		t.Errorf("ConcreteBases of a charm without manifest (-want +got):\n%s", d)
	}
}

// bomb returns a billion laughs: each line repeats the one before nine times.
func bomb(levels int) string {
	b := strings.Builder{}
	b.WriteString("a0: &a0 [x,x,x,x,x,x,x,x,x]\n")
	for i := 1; i <= levels; i++ {
		fmt.Fprintf(&b, "a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d,", i-1), 9), ","))
	}
	return b.String()
}

func keys(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// badArchive is an invalid archive, and a part of the text of its error.
type badArchive struct {
	name string
	in   []byte
	want string
}

func checkErrors(t *testing.T, tests []badArchive) {
	t.Helper()
	for _, tt := range tests {
		begin := time.Now()
		_, err := open(tt.in)
		if !errors.Is(err, charm.ErrArchive) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want an ErrArchive with %q", tt.name, err, tt.want)
		}
		if d := time.Since(begin); d > 5*time.Second {
			t.Errorf("%s: took %v", tt.name, d)
		}
	}
}

func TestRefuseArchive(t *testing.T) {
	t.Parallel()
	checkErrors(t, []badArchive{
		{"no zip", []byte("#!/bin/sh\n"), "not a zip file"},
		{"empty", nil, "not a zip file"},
		{"cut short", zipOf(t, member{"metadata.yaml", metadata})[:100], "not a zip file"},
		{"no metadata", zipOf(t, member{"charmcraft.yaml", metadata}), "no metadata.yaml"},
		{"in a folder", zipOf(t, member{"x/metadata.yaml", metadata}), "in the folder x/"},
		{"twice", zipOf(t, member{"metadata.yaml", metadata}, member{"metadata.yaml", metadata}), "twice"},
		{"spelled otherwise", zipOf(t, member{"metadata.yaml", metadata}, member{"./config.yaml", ""}), "want it spelled config.yaml"},
		{"by dots", zipOf(t, member{"metadata.yaml", metadata}, member{"x/../config.yaml", ""}), "want it spelled config.yaml"},
		{"a directory", zipOf(t, member{"metadata.yaml/", ""}), "want it spelled"},
		{"too large", zipOf(t, member{"metadata.yaml", metadata + strings.Repeat("#", charm.MaxYAMLSize)}), "unpacks to more than 4194304 bytes"},
		{"no name", zipOf(t, member{"metadata.yaml", "summary: x\n"}), "charm name"},
		{"bad name", zipOf(t, member{"metadata.yaml", "name: ../x\n"}), "charm name"},
		{"bad resource", zipOf(t, member{"metadata.yaml", metadata + "resources: {../x: {type: file}}\n"}), "resource name"},
	})
}

func TestRefuseYAML(t *testing.T) {
	t.Parallel()
	merge := "name: demo\nx0: &x0 {a: b}\n"
	for i := 1; i < 30; i++ {
		merge += fmt.Sprintf("x%d: &x%d {<<: [*x%d, *x%d]}\n", i, i, i-1, i-1)
	}
	chain := "name: demo\nx0: &x0 [y]\n"
	for i := 1; i < 1500; i++ {
		chain += fmt.Sprintf("x%d: &x%d [*x%d]\n", i, i, i-1)
	}
	checkErrors(t, []badArchive{
		{"no YAML", zipOf(t, member{"metadata.yaml", "a: [\n"}), "parse metadata.yaml"},
		{"two documents", zipOf(t, member{"metadata.yaml", metadata + "---\nname: other\n"}), "more than one YAML document"},
		{"billion laughs", zipOf(t, member{"metadata.yaml", metadata + bomb(20)}), "too many values"},
		{"billion laughs in config", zipOf(t, member{"metadata.yaml", metadata}, member{"config.yaml", bomb(20)}), "parse config.yaml: too many values"},
		{"billion laughs in actions", zipOf(t, member{"metadata.yaml", metadata}, member{"actions.yaml", bomb(20)}), "parse actions.yaml: too many values"},
		{"billion laughs in manifest", zipOf(t, member{"metadata.yaml", metadata}, member{"manifest.yaml", bomb(20)}), "parse manifest.yaml: too many values"},
		{"merge bomb", zipOf(t, member{"metadata.yaml", merge}), "too many values"},
		{"aliases in a chain", zipOf(t, member{"metadata.yaml", chain}), "nested too deeply"},
		{"alias to itself", zipOf(t, member{"metadata.yaml", metadata + "x: &x [*x]\n"}), "alias"},
		{"depth", zipOf(t, member{"metadata.yaml", metadata + "x: " + strings.Repeat("[", 500) + strings.Repeat("]", 500)}), "nested too deeply"},
		{"commas", zipOf(t, member{"metadata.yaml", metadata + "x: [" + strings.Repeat("a,", 400_000) + "]"}), "too many values"},
		{"keys", zipOf(t, member{"metadata.yaml", metadata + "resources: {" + keys(30_000, "k%d: , ") + "}"}), "a mapping of more than 2000 keys"},
		{"base not concrete", zipOf(t, member{"metadata.yaml", metadata}, member{"manifest.yaml", "bases: [{name: all, channel: all, architectures: [amd64]}]"}), "parse manifest.yaml: base"},
		{"bad architecture", zipOf(t, member{"metadata.yaml", metadata}, member{"manifest.yaml", "bases: [{name: ubuntu, channel: '22.04', architectures: [AMD/64]}]"}), "architecture"},
	})
}

// TestRepeatedKeys reads files with repeated keys, as Juju does: the last value counts. A mapping that nothing decodes may be large.
func TestRepeatedKeys(t *testing.T) {
	t.Parallel()
	text := "name: other\nsummary: one\nresources: {a: {type: file}}\nresources: {b: {type: file, type: oci-image}}\nsummary: two\nname: demo\n"
	a, err := open(zipOf(t, member{"metadata.yaml", text}, member{"actions.yaml", "x: {a: 1, a: 2}\n"}, member{"manifest.yaml", "analysis: 1\nanalysis: 2\n"},
		member{"config.yaml", "options:\n  k: {type: int}\n  k: {type: string}\n" + keys(3000, "  k%d: {type: int}\n")}))
	if err != nil {
		t.Fatal(err)
	}
	want := charm.Metadata{Name: "demo", Summary: "two", Resources: map[string]charm.ResourceMeta{"b": {Type: charm.ResourceImage}}}
	if d := cmp.Diff(want, a.Metadata); d != "" {
		t.Errorf("metadata (-want +got):\n%s", d)
	}
	if a.MetadataYAML != text {
		t.Errorf("metadata.yaml = %q, want it as it was", a.MetadataYAML)
	}
	if d := cmp.Diff([]string{
		`manifest.yaml repeats the keys "analysis" in line 2: the last value counts`,
		`metadata.yaml repeats the keys "resources" in line 4, "summary" in line 5, "name" in line 6, "type" in line 4: the last value counts`,
		`config.yaml repeats the keys "k" in line 3: the last value counts`,
		`actions.yaml repeats the keys "a" in line 1: the last value counts`}, a.Faults); d != "" {
		t.Errorf("faults (-want +got):\n%s", d)
	}
	many := "name: demo\n" + strings.Repeat("summary: x\n", 1000)
	if a, err := open(zipOf(t, member{"metadata.yaml", many})); err != nil || len(a.Faults) != 1 || len(a.Faults[0]) > 1000 {
		t.Errorf("a key a thousand times: %v", err)
	}
}

// TestSubordinate reads the field in the forms that Juju takes.
func TestSubordinate(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{"true": true, "yes": true, "'true'": true, "false": false, "'no'": false, "": false, "[]": false} {
		if m, err := charm.ParseMetadata("name: demo\nsubordinate: " + text + "\n"); err != nil || m.Subordinate != want {
			t.Errorf("subordinate: %s = %v, %v, want %v", text, m, err, want)
		}
	}
}

func TestRefuseLink(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	h := &zip.FileHeader{Name: "metadata.yaml"}
	h.SetMode(fs.ModeSymlink | 0o777)
	f, err := w.CreateHeader(h)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte("/etc/passwd")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := open(b.Bytes()); !errors.Is(err, charm.ErrArchive) || !strings.Contains(err.Error(), "no regular file") {
		t.Errorf("metadata.yaml as a link: %v, want an error", err)
	}
}

func TestRefuseManyEntries(t *testing.T) {
	t.Parallel()
	members := []member{{"metadata.yaml", metadata}}
	for i := range 50_000 {
		members = append(members, member{fmt.Sprint("x", i), ""})
	}
	if _, err := open(zipOf(t, members...)); !errors.Is(err, charm.ErrArchive) || !strings.Contains(err.Error(), "50001 entries") {
		t.Errorf("an archive of many entries: %v, want an error", err)
	}
	members = members[:40_000]
	for i := range members[1:] {
		members[i+1].name = strings.Repeat("x", 300) + fmt.Sprint(i)
	}
	if _, err := open(zipOf(t, members...)); !errors.Is(err, charm.ErrArchive) || !strings.Contains(err.Error(), "list of entries") {
		t.Errorf("an archive with a large list of entries: %v, want an error", err)
	}
}

// TestOpenArchiveMemory measures allocations. It is therefore not parallel.
func TestOpenArchiveMemory(t *testing.T) {
	large := strings.Repeat("\x00", 64<<20)
	for name, in := range map[string][]byte{
		"zip bomb":      zipOf(t, member{"metadata.yaml", large}),
		"bomb of hints": zipOf(t, member{"metadata.yaml", metadata}, member{"src/charm.py", large}, member{"src/more.py", large}),
		"commas":        zipOf(t, member{"metadata.yaml", "[" + strings.Repeat(",", 1<<19)}),
		"brackets":      zipOf(t, member{"metadata.yaml", strings.Repeat("[", 1<<19)}),
		"laughs":        zipOf(t, member{"metadata.yaml", bomb(100)}),
		"values":        zipOf(t, member{"metadata.yaml", metadata + "x: [" + strings.Repeat("a,", 120_000) + "]"}),
		"words":         zipOf(t, member{"metadata.yaml", metadata + strings.Repeat("a ? b\n", 1<<16)}),
		"dashes":        zipOf(t, member{"metadata.yaml", strings.Repeat("- ", 1<<18)}),
		"comments":      zipOf(t, member{"metadata.yaml", metadata + strings.Repeat("#\n", 1<<16)}),
		"questions":     zipOf(t, member{"metadata.yaml", strings.Repeat("? ", 1<<18)}),
		"braces":        zipOf(t, member{"metadata.yaml", strings.Repeat("{a: ", 9000)}),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		begin := time.Now()
		_, err := open(in)
		took := time.Since(begin)
		runtime.ReadMemStats(&after)
		t.Logf("%s: %v, %d MiB in %v", name, err, (after.TotalAlloc-before.TotalAlloc)>>20, took)
		if n := after.TotalAlloc - before.TotalAlloc; n > 256<<20 || took > 5*time.Second {
			t.Errorf("%s: allocated %d MiB in %v", name, n>>20, took)
		}
	}
}

func FuzzOpenArchive(f *testing.F) {
	f.Add(zipOf(f, member{"metadata.yaml", metadata}, member{"manifest.yaml", "bases: []"}))
	f.Add(zipOf(f, member{"metadata.yaml", metadata}, member{"src/charm.py", `SNAP_NAME = "x"`}))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := open(b)
		if err != nil {
			return
		}
		if a.MetadataYAML == "" || charm.ValidateName(a.Metadata.Name) != nil {
			t.Errorf("OpenArchive = %+v, without a name", a)
		}
	})
}

// FuzzMetadata reaches the code behind the checksums of FuzzOpenArchive.
func FuzzMetadata(f *testing.F) {
	f.Add(metadata)
	f.Add("name: x\nresources: &r {a: {type: file}}\nextra: *r\n")
	f.Fuzz(func(t *testing.T, text string) {
		m, err := charm.ParseMetadata(text)
		if err == nil && charm.ValidateName(m.Name) != nil {
			t.Errorf("ParseMetadata(%q) = %+v, with a bad name", text, m)
		}
	})
}
