package snap_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"offlinestore/snap"
)

func TestEpoch(t *testing.T) {
	t.Parallel()
	tests := []struct {
		in   string
		want snap.Epoch
	}{
		{`null`, snap.Epoch{Read: []uint32{0}, Write: []uint32{0}}},
		{`"0"`, snap.Epoch{Read: []uint32{0}, Write: []uint32{0}}},
		{`""`, snap.Epoch{Read: []uint32{0}, Write: []uint32{0}}},
		{`"1*"`, snap.Epoch{Read: []uint32{0, 1}, Write: []uint32{1}}},
		{`{"read":[1,2],"write":[2]}`, snap.Epoch{Read: []uint32{1, 2}, Write: []uint32{2}}},
	}
	for _, tt := range tests {
		// null reaches UnmarshalJSON only inside an object, where it always is.
		var got struct{ E snap.Epoch }
		if err := json.Unmarshal([]byte(`{"E":`+tt.in+`}`), &got); err != nil {
			t.Errorf("epoch %s: %v", tt.in, err)
		}
		if d := cmp.Diff(tt.want, got.E); d != "" {
			t.Errorf("epoch %s (-want +got):\n%s", tt.in, d)
		}
	}
	for _, in := range []string{`"x"`, `"0*"`, `"-1"`, `3`, `[]`, `{"read":["a"]}`} {
		var e snap.Epoch
		if err := json.Unmarshal([]byte(in), &e); err == nil {
			t.Errorf("epoch %s = %v, want an error", in, e)
		}
	}
	if b, err := json.Marshal(snap.Epoch{}); err != nil || string(b) != `{"read":[0],"write":[0]}` {
		t.Errorf("zero epoch = %s, %v", b, err)
	}
}

func TestCanRead(t *testing.T) {
	t.Parallel()
	e := func(read, write uint32) snap.Epoch { return snap.Epoch{Read: []uint32{read}, Write: []uint32{write}} }
	if !e(1, 1).CanRead(e(0, 1)) || e(1, 1).CanRead(e(0, 0)) || !(snap.Epoch{}).CanRead(snap.Epoch{}) || e(1, 1).CanRead(snap.Epoch{}) {
		t.Error("CanRead does not compare what is read with what was written")
	}
}

func TestNeeds(t *testing.T) {
	t.Parallel()
	base := func(s string) *string { return &s }
	tests := []struct {
		name     string
		in       snap.Revision
		bases    []string
		contents []string
	}{
		{"base", snap.Revision{Type: "app", Base: base("core24")}, []string{"core24"}, nil},
		{"app without base", snap.Revision{Type: "app"}, []string{"core"}, nil},
		{"old name of app", snap.Revision{Type: "application"}, []string{"core"}, nil},
		{"base none", snap.Revision{Type: "app", Base: base("none")}, nil, nil},
		{"a base", snap.Revision{Type: "base"}, nil, nil},
		{"os", snap.Revision{Type: "os"}, nil, nil},
		{"base only in yaml", snap.Revision{Type: "app", SnapYAML: "name: a\nbase: core22\n"}, []string{"core22"}, nil},
		{"providers", snap.Revision{Type: "app", Base: base("core24"), SnapYAML: `
name: a
plugs:
  gtk: {interface: content, target: x, default-provider: gtk-common-themes}
  old: {interface: content, target: x, default-provider: "themes:slot"}
  content: {target: x, default-provider: by-plug-name}
  twice: {interface: content, default-provider: gtk-common-themes}
  other: {interface: network, default-provider: not-content}
  bad: {interface: content, default-provider: "../../etc"}
  short: network
  empty:
`}, []string{"core24"}, []string{"by-plug-name", "gtk-common-themes", "themes"}},
	}
	for _, tt := range tests {
		bases, contents := tt.in.Needs()
		if d := cmp.Diff(tt.bases, bases) + cmp.Diff(tt.contents, contents); d != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, d)
		}
	}
}

// TestRepeatedKeys parses a snap.yaml with repeated keys like snapd: the last value counts, and mappings at the top are united.
func TestRepeatedKeys(t *testing.T) {
	t.Parallel()
	m, err := snap.ParseYAML(`
name: a
name: app
plugs:
  one: {interface: content, default-provider: wrong, default-provider: themes}
plugs:
  two: {interface: network, interface: content, default-provider: platform}
apps: {x: {command: x}}
apps: {y: {command: y}, x: {command: z}}
`)
	if err != nil {
		t.Fatal(err)
	}
	want := &snap.Meta{Name: "app", Type: "app", Architectures: []string{"all"}, Contents: snap.Contents{Providers: []string{"platform", "themes"}, Apps: []string{"x", "y"}},
		Repeated: []string{`"name" in line 3`, `"plugs" in line 6`, `"apps" in line 9`, `"default-provider" in line 5`, `"interface" in line 7`, `"x" in line 9`}}
	if d := cmp.Diff(want, m); d != "" {
		t.Errorf("meta (-want +got):\n%s", d)
	}
	begin := time.Now()
	if _, err := snap.ParseYAML("name: a\n" + strings.Repeat("plugs: {a: b}\n", 1<<14)); err != nil || time.Since(begin) > 5*time.Second {
		t.Errorf("a mapping many times: %v after %v", err, time.Since(begin))
	}
}

func TestParseYAMLRefuses(t *testing.T) {
	t.Parallel()
	bomb := "a: &a [x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c < 'k'; c++ {
		p := string(c - 1)
		bomb += string(c) + ": &" + string(c) + " [" + strings.Repeat("*"+p+",", 8) + "*" + p + "]\n"
	}
	for _, in := range []string{"", "name: Not_A_Name\n", "- a\n", "\x00", strings.Repeat("a", snap.MaxYAMLSize+1), "name: [\n", bomb} {
		if m, err := snap.ParseYAML(in); err == nil {
			t.Errorf("ParseYAML(%.40q) = %+v, want an error", in, m)
		}
	}
}

func TestListingValidate(t *testing.T) {
	t.Parallel()
	good := func() snap.Listing {
		return snap.Listing{Name: "jq", SnapID: strings.Repeat("a", 32), ChannelMap: []snap.Release{
			{Architecture: "amd64", Channel: "latest/stable", Revision: 6, ReleasedAt: "2026-01-02T03:04:05+00:00"},
			{Architecture: "amd64", Channel: "latest/edge/fix"},
		}}
	}
	l := good()
	if err := l.Validate(); err != nil {
		t.Errorf("Validate = %v, want nil", err)
	}
	for name, spoil := range map[string]func(*snap.Listing){
		"name":         func(l *snap.Listing) { l.Name = "../jq" },
		"id":           func(l *snap.Listing) { l.SnapID = "a/b" },
		"track":        func(l *snap.Listing) { l.DefaultTrack = "a/b" },
		"channel":      func(l *snap.Listing) { l.ChannelMap[0].Channel = "stable" },
		"risk":         func(l *snap.Listing) { l.ChannelMap[0].Channel = "latest/fast" },
		"architecture": func(l *snap.Listing) { l.ChannelMap[0].Architecture = "x/y" },
		"revision":     func(l *snap.Listing) { l.ChannelMap[0].Revision = -1 },
		"released-at":  func(l *snap.Listing) { l.ChannelMap[0].ReleasedAt = "yesterday" },
		"row twice":    func(l *snap.Listing) { l.ChannelMap = append(l.ChannelMap, l.ChannelMap[0]) },
		"too many": func(l *snap.Listing) {
			for n := range 101 {
				l.ChannelMap = append(l.ChannelMap, snap.Release{Architecture: "arm64", Channel: "latest/stable", Revision: 1 + n})
			}
		},
		"open and closed": func(l *snap.Listing) {
			l.ChannelMap = append(l.ChannelMap, snap.Release{Architecture: "amd64", Channel: "latest/stable"})
		},
		"closed and open": func(l *snap.Listing) {
			l.ChannelMap = append(l.ChannelMap, snap.Release{Architecture: "amd64", Channel: "latest/edge/fix", Revision: 6})
		},
		"name too long": func(l *snap.Listing) { l.Name = strings.Repeat("a", 41) },
	} {
		l := good()
		spoil(&l)
		if err := l.Validate(); err == nil {
			t.Errorf("%s: Validate = nil, want an error", name)
		}
	}
}

// TestGenuineMessages parses genuine answers of the Snap Store.
func TestGenuineMessages(t *testing.T) {
	t.Parallel()
	dir := os.Getenv("OFFLINESTORE_REALDATA")
	if dir == "" {
		dir = "../../shared/realdata"
	}
	text, err := os.ReadFile(filepath.Join(dir, "api/snapstore/snap-python__snap_info_response_success.json"))
	if err != nil && os.Getenv("OFFLINESTORE_REALDATA") == "" {
		t.Skip("no genuine data here")
	}
	if err != nil {
		t.Fatal(err)
	}
	var info snap.InfoResponse
	if err := json.Unmarshal(text, &info); err != nil {
		t.Fatal(err)
	}
	if len(info.ChannelMap) == 0 || info.ChannelMap[0].Channel.Name != "edge" || info.ChannelMap[0].Revision.Number != 1 || info.ChannelMap[0].Download.Size != 6815744 {
		t.Errorf("channel map %+v, want edge revision 1 of 6815744 bytes first", info.ChannelMap)
	}
}

func FuzzParseYAML(f *testing.F) {
	f.Add("name: a\nbase: core24\nplugs:\n  c: {interface: content, default-provider: b}\n")
	f.Fuzz(func(t *testing.T, s string) {
		m, err := snap.ParseYAML(s)
		if err == nil && snap.ValidateName(m.Name) != nil {
			t.Errorf("ParseYAML(%q) has the name %q", s, m.Name)
		}
		r := snap.Revision{Type: "app", SnapYAML: s}
		_, contents := r.Needs()
		for _, c := range contents {
			if snap.ValidateName(c) != nil {
				t.Errorf("ParseYAML(%q) has the provider %q", s, c)
			}
		}
	})
}

// TestHostileBase tries a base that a hint would otherwise copy into a command line.
func TestHostileBase(t *testing.T) {
	t.Parallel()
	for base, good := range map[string]bool{"": true, "core24": true, "none": true, "x; rm -rf ~": false, "\x1b[2J": false, "../x": false, "Core": false} {
		r := snap.Revision{Number: 1, Type: "app", Architectures: []string{"amd64"}, Base: &base}
		if err := r.Validate(); (err == nil) != good {
			t.Errorf("Validate with base %q = %v, want an error: %v", base, err, !good)
		}
		text := fmt.Sprintf("name: a\nbase: %q\n", base)
		if _, err := snap.ParseYAML(text); (err == nil) != good {
			t.Errorf("ParseYAML(%q) = %v, want an error: %v", text, err, !good)
		}
	}
}

// TestSpelledEpochs shows that an epoch has one meaning: its lists in another spelling are unknown.
func TestSpelledEpochs(t *testing.T) {
	t.Parallel()
	var e snap.Epoch
	if err := json.Unmarshal([]byte(`{"Read":[1],"WRITE":[1],"read":[2]}`), &e); err != nil || !slices.Equal(e.Read, []uint32{2}) || e.Write != nil {
		t.Errorf("got %+v, %v", e, err)
	}
}
