package snaphint_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"offlinestore/charm"
	"offlinestore/charm/snaphint"
)

const (
	metadata = "name: demo\nsummary: s\ndescription: d\n"
	sha256Of = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b856"
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

// bomb returns a YAML text whose aliases unfold to a tree of that many levels.
func bomb(levels int) string {
	b := strings.Builder{}
	b.WriteString("a0: &a0 [x,x,x,x,x,x,x,x,x]\n")
	for i := 1; i <= levels; i++ {
		fmt.Fprintf(&b, "a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d,", i-1), 9), ","))
	}
	return b.String()
}

// hints returns the snaps of a charm with these files.
func hints(t *testing.T, files ...member) []charm.SnapHint {
	t.Helper()
	b := zipOf(t, append(files, member{"metadata.yaml", metadata})...)
	if _, err := charm.OpenArchive(bytes.NewReader(b), int64(len(b))); err != nil {
		t.Fatal(err)
	}
	found, err := snaphint.Find(t.Context(), bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	item := charm.Item{
		ID: "x", Name: "demo", Type: charm.TypeCharm, Snaps: found,
		Revision: charm.Revision{Number: 1, Download: charm.Download{Size: 1, SHA256: sha256Of}, MetadataYAML: metadata, Bases: []*charm.Base{{Architecture: "amd64", Channel: "22.04", Name: "ubuntu"}}},
	}
	if err := item.Validate(); err != nil {
		t.Errorf("hints %v: %v", found, err)
	}
	return found
}

// hintTest is a file of a charm, and the snaps that it names.
type hintTest struct {
	name, file, text string
	want             []charm.SnapHint
}

func checkHints(t *testing.T, tests []hintTest) {
	t.Helper()
	for _, tt := range tests {
		if d := cmp.Diff(tt.want, hints(t, member{tt.file, tt.text})); d != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, d)
		}
	}
}

func byArch() map[string]int { return map[string]int{"amd64": 96, "arm64": 95} }

func TestSnapHintsOfData(t *testing.T) {
	t.Parallel()
	both := byArch()
	checkHints(t, []hintTest{
		{"table of versions", "refresh_versions.toml", "charm_major = 1\nworkload = \"14.15\"\n\n[snap]\nname = \"charmed-postgresql\"\n\n[snap.revisions]\n# amd64\nx86_64 = \"96\"\n# arm64\naarch64 = \"95\"\n",
			[]charm.SnapHint{{Name: "charmed-postgresql", Revisions: both}}},
		{"dotted keys", "refresh_versions.toml", "snap.name = \"charmed-mysql\" # the snap\nsnap.revisions.x86_64 = \"96\"\nsnap.revisions.aarch64 = \"95\"\n",
			[]charm.SnapHint{{Name: "charmed-mysql", Revisions: both}}},
		{"inline table", "x.toml", "[snap]\nname = 'charmed-x'\nchannel = \"3/stable\"\nrevisions = { x86_64 = \"96\", aarch64 = \"95\" }\n[other]\nname = \"not-this\"\n",
			[]charm.SnapHint{{Name: "charmed-x", Channel: "3/stable", Revisions: both}}},
		{"other toml", "pyproject.toml", "[tool.poetry]\nname = \"not-a-snap\"\n", nil},
		{"list by architecture", "templates/snap_installation.yaml", "amd64:\n- {install-type: store, name: k8s, channel: 1.32-classic/stable, classic: true, revision: \"96\"}\narm64:\n- {install-type: store, name: k8s, channel: 1.32-classic/stable, revision: 95}\n",
			[]charm.SnapHint{{Name: "k8s", Channel: "1.32-classic/stable", Revisions: both}}},
		{"json", "snaps.json", `{"packages": [{"name": "jq", "revision": 6}]}`, []charm.SnapHint{{Name: "jq", Revisions: map[string]int{"": 6}}}},
		{"bomb", "snaps.yaml", bomb(30), nil},
	})
}

func TestSnapHintsOfCode(t *testing.T) {
	t.Parallel()
	both := byArch()
	checkHints(t, []hintTest{
		{"packages by architecture", "src/constants.py", "SNAP = \"charmed-postgresql\"\nSNAP_PACKAGES = [\n    (\n        SNAP,\n        {\"revision\": {\"aarch64\": \"95\", \"x86_64\": \"96\"}},\n    ),\n    (\"pgbackrest\", {\"channel\": \"2/stable\"}),\n]\n",
			[]charm.SnapHint{{Name: "charmed-postgresql", Revisions: both}, {Name: "pgbackrest", Channel: "2/stable"}}},
		{"packages in a row", "src/config.py", "class Config:\n    SNAP_PACKAGES = [(\"charmed-mongodb\", \"6/edge\", 118)]\n",
			[]charm.SnapHint{{Name: "charmed-mongodb", Channel: "6/edge", Revisions: map[string]int{"": 118}}}},
		{"typed packages", "src/constants.py", "SNAP_PACKAGES: list[tuple[str, dict]] = [(\"a-snap\", {\"revision\": \"96\", \"channel\": \"x/edge\"})]\n",
			[]charm.SnapHint{{Name: "a-snap", Channel: "x/edge", Revisions: map[string]int{"": 96}}}},
		{"constants", "src/literals.py", "CHARMED_KAFKA_SNAP_REVISION = 37  # pinned\nSNAP_NAME = \"charmed-kafka\"\nSNAP_CHANNEL: str = '3/stable'\n",
			[]charm.SnapHint{{Name: "charmed-kafka", Channel: "3/stable", Revisions: map[string]int{"": 37}}}},
		{"constants of several", "src/literals.py", "A_SNAP_NAME = \"snap-a\"\nA_SNAP_REVISION = 1\nB_SNAP_NAME = \"snap-b\"\nB_SNAP_REVISION = 2\nSNAP_REVISION = 3\n",
			[]charm.SnapHint{{Name: "snap-a", Revisions: map[string]int{"": 1}}, {Name: "snap-b", Revisions: map[string]int{"": 2}}}},
		{"revision that varies", "src/literals.py", "SNAP_NAME = \"snap-a\"\nOLD_SNAP_REVISION = 1\nNEW_SNAP_REVISION = 2\n",
			[]charm.SnapHint{{Name: "snap-a"}}},
		{"attribute", "src/agent.py", "class X:\n    _snap_name = \"grafana-agent\"\n    def __init__(self):\n        self.snap_name = name\n", []charm.SnapHint{{Name: "grafana-agent"}}},
		{"calls", "src/charm.py", "snap.ensure(\"etcd\", state=\"latest\", channel=\"3.4/stable\")\nsnap.add([\"core22\", 'lxd'])\nsnap.add(NAME, revision=\"7\")\nNAME = \"seven\"\nsnap.install(name)\n",
			[]charm.SnapHint{{Name: "core22"}, {Name: "etcd", Channel: "3.4/stable"}, {Name: "lxd"}, {Name: "seven", Revisions: map[string]int{"": 7}}}},
		{"cache", "src/charm.py", "cache = snap.SnapCache()\nx = cache[\"vault\"]\ny = snap.SnapCache()[constants.NAME]\nNAME = 'consul'\n",
			[]charm.SnapHint{{Name: "consul"}, {Name: "vault"}}},
		{"other cache", "src/charm.py", "cache = {}\nx = cache[\"not-a-snap\"]\n", nil},
		{"argv", "src/charm.py", "check_call([\"snap\", \"install\", \"microk8s\", \"--classic\", \"--channel=1.28/stable\"])\n",
			[]charm.SnapHint{{Name: "microk8s", Channel: "1.28/stable"}}},
		{"quoted command", "src/charm.py", "run(\"snap install --edge juju-db --revision 5\".split())\n", []charm.SnapHint{{Name: "juju-db", Channel: "edge", Revisions: map[string]int{"": 5}}}},
		{"prose", "src/charm.py", "log(\"snap install failed\")\n# SNAP_NAME = \"commented\"\nraise E(\"cannot snap.install(x)\")\n", nil},
		{"shell", "hooks/install", "#!/bin/sh\n# snap install no\nset -e; sudo snap install lxd --channel latest/stable || true\nsnap install ./local.snap\nsnap install $NAME\nif true; then snap install jq yq 2>/dev/null; fi\n",
			[]charm.SnapHint{{Name: "jq"}, {Name: "lxd", Channel: "latest/stable"}, {Name: "yq"}}},
		{"examples of libraries", "lib/charms/operator_libs_linux/v2/snap.py", "snap.add(\"vlc\")\n", nil},
		{"tests", "tests/unit/test_charm.py", "SNAP_NAME = \"x\"\n", nil},
		{"installed packages", "venv/charm.py", "SNAP_NAME = \"x\"\n", nil},
		{"names of no snap", "src/charm.py", "SNAP_NAME = \"../x\"\nA_SNAP_NAME = \"UPPER\"\nB_SNAP_NAME = \"" + strings.Repeat("x", 41) + "\"\nC_SNAP_NAME = \"123\"\n", nil},
		{"pins that are none", "src/charm.py", "SNAP_NAME = \"x\"\nSNAP_REVISION = 0\nSNAP_CHANNEL = \"a/b/c/d\"\n", []charm.SnapHint{{Name: "x"}}},
	})
}

func TestSnapHintsOfSeveralFiles(t *testing.T) {
	t.Parallel()
	got := hints(t,
		member{"refresh_versions.toml", "[snap]\nname = \"charmed-x\"\n[snap.revisions]\nx86_64 = \"96\"\n"},
		member{"src/a.py", "SNAP_NAME = \"charmed-x\"\nSNAP_REVISION = 5\n"},
		member{"src/b.py", "snap.ensure(\"other\", revision=1)\n"},
		member{"src/c.py", "snap.ensure(\"other\", revision=2, channel=\"edge\")\n"},
	)
	want := []charm.SnapHint{{Name: "charmed-x", Revisions: map[string]int{"amd64": 96}}, {Name: "other", Channel: "edge"}}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("hints (-want +got):\n%s", d)
	}
}

func TestSnapHintsAreFew(t *testing.T) {
	t.Parallel()
	var calls strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&calls, "snap.add(\"s%d\")\n", i)
	}
	if got := hints(t, member{"src/charm.py", calls.String()}); len(got) != 64 {
		t.Errorf("%d hints, want 64", len(got))
	}
}

// TestHostileCode scans the largest files in a time that their size explains.
func TestHostileCode(t *testing.T) {
	t.Parallel()
	size := 255 << 10
	if testing.Short() {
		size /= 4 // whose square takes 16 times less, which is still too long
	}
	numbered := func(pattern string) string {
		var b strings.Builder
		for i := 0; b.Len() < size-100; i++ {
			fmt.Fprintf(&b, pattern, i)
		}
		return b.String()
	}
	for name, file := range map[string]member{
		"constants":       {"src/charm.py", numbered("A%d_SNAP=\"a\"\n")},
		"companions":      {"src/charm.py", numbered("A%[1]d_SNAP=\"a%[1]d\"\nA%[1]d_SNAP_CHANNEL=\"x\"\n")},
		"channels":        {"src/charm.py", "SNAP=\"a\"\n" + numbered("A%d_SNAP_CHANNEL=\"edge\"\n")},
		"lists":           {"src/charm.py", strings.Repeat("SNAP_PACKAGES=[", size/15)},
		"closed lists":    {"src/charm.py", strings.Repeat("SNAP_PACKAGES=[(\"a\",)],", size/25)},
		"calls":           {"src/charm.py", strings.Repeat("snap.add([", size/10)},
		"names":           {"src/charm.py", strings.Repeat("snap.add(a", size/10)},
		"arguments":       {"src/charm.py", strings.Repeat("snap.add('a',", size/13)},
		"argv":            {"src/charm.py", strings.Repeat("'snap','install',", size/17)},
		"quotes":          {"src/charm.py", strings.Repeat("'snap install ", size/14)},
		"caches":          {"src/charm.py", "SnapCache()" + strings.Repeat("cache[", size/6)},
		"shell":           {"hooks/install", strings.Repeat("snap install a;", size/16)},
		"spaces":          {"hooks/install", strings.Repeat(";", size/2) + strings.Repeat(" ", size/2)},
		"one long name":   {"src/charm.py", strings.Repeat("A", size)},
		"maps":            {"refresh_versions.toml", "[snap]\n" + strings.Repeat("revisions={amd64=1}\n", size/20)},
		"one long map":    {"refresh_versions.toml", "snap.revisions={" + strings.Repeat("a=1,", size/5)},
		"entries":         {"snaps.yaml", strings.Repeat("- {name: a, revision: 1}\n", 10_000)},
		"nested entries":  {"snaps.json", strings.Repeat(`{"name":"a","channel":"edge","x":`, 50) + "1" + strings.Repeat("}", 50)},
		"many attributes": {"src/charm.py", numbered("self.a%d = 'x'\n")},
	} {
		files := []member{file}
		if strings.HasPrefix(file.name, "src/") { // as many as Find reads
			for i := range 7 {
				files = append(files, member{fmt.Sprintf("src/c%d.py", i), file.text})
			}
		}
		begin := time.Now()
		hints(t, files...)
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("%s took %v", name, took)
		}
	}
}

// TestFindStops ends with its context.
func TestFindStops(t *testing.T) {
	t.Parallel()
	b := zipOf(t, member{"src/charm.py", "SNAP=\"a\"\n"})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if found, err := snaphint.Find(ctx, bytes.NewReader(b), int64(len(b))); !errors.Is(err, context.Canceled) {
		t.Errorf("Find after the end of its context = %v, %v", found, err)
	}
}

func FuzzSnapHints(f *testing.F) {
	f.Add("SNAP_PACKAGES = [(\"x\", {\"revision\": {\"x86_64\": 1}})]", "snap install x")
	f.Add("[snap]\nname = \"x\"", "- {name: x, channel: edge}")
	f.Fuzz(func(t *testing.T, code, data string) {
		var files []member
		for _, name := range []string{"src/a.py", "a.toml"} {
			files = append(files, member{name, code})
		}
		for _, name := range []string{"hooks/install", "snaps.yaml"} {
			files = append(files, member{name, data})
		}
		hints(t, files...)
	})
}
