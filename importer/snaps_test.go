package importer_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"offlinestore/assertion"
	"offlinestore/bundle"
	"offlinestore/catalog"
	"offlinestore/channel"
	"offlinestore/importer"
	"offlinestore/internal/assertiontest"
	"offlinestore/internal/bundletest"
	"offlinestore/internal/canonicaltest"
	"offlinestore/internal/downloadtest"
	"offlinestore/internal/upstreamtest"
)

// pushFiles imports files as push-snap does, and returns them.
func (s *site) pushFiles(channels []string, paths ...string) []*importer.File {
	s.t.Helper()
	b, _ := s.batch(paths...)
	b.PushChannelMap = false
	b.Report, b.Warn = func(*importer.File) {}, func(*importer.File, string) {}
	b.Reading = func(*importer.File, int64) (func(int64), func()) { return nil, func() {} }
	for _, name := range channels {
		c, err := channel.Parse(name)
		must(s.t, err)
		b.Channels = append(b.Channels, c)
	}
	must(s.t, b.Plan(s.t.Context()))
	b.Run(s.t.Context())
	return b.Files
}

// state describes the served snaps: "jq 6 7+help_2 latest/stable/amd64=7".
func (s *site) state() string {
	s.t.Helper()
	var out []string
	for _, sn := range s.served().Snaps {
		line := sn.Name
		for _, r := range sn.Revisions {
			line += fmt.Sprintf(" %d", r.Revision.Number)
			for _, c := range r.Revision.Resources {
				line += fmt.Sprintf("+%s_%d", c.Name, c.Revision)
			}
		}
		for _, r := range sn.ChannelMap {
			line += fmt.Sprintf(" %s/%s=%d", r.Channel, r.Architecture, r.Revision)
		}
		out = append(out, line)
	}
	return strings.Join(out, "; ")
}

// expect fails the test unless all files were imported, and this is served.
func (s *site) expect(files []*importer.File, want string) {
	s.t.Helper()
	for _, f := range files {
		if f.Err != nil || f.Signer != catalog.StoreSignatures {
			s.t.Errorf("%s: signer %q, %v", f.Name, f.Signer, f.Err)
		}
	}
	if got := s.state(); got != want {
		s.t.Errorf("served: got %q, want %q", got, want)
	}
}

const amd64YAML = "architectures: [amd64]\nbase: core24\nepoch: 1*\ntitle: Title\n"

// TestPushSnaps pushes snaps without a bundle in all the forms that they come in.
func TestPushSnaps(t *testing.T) {
	t.Parallel()
	stack := assertiontest.NewStack(t)
	d6, d7 := downloadtest.New(t, stack, "jq", 6, amd64YAML), downloadtest.New(t, stack, "jq", 7, amd64YAML)
	all := downloadtest.New(t, stack, "yq", 1, "")
	comp := d7.AddComponent("docs", 3)
	type files map[string][]byte
	tree := func(list files) string {
		dir := t.TempDir()
		for name, b := range list {
			path := filepath.Join(dir, name)
			must(t, os.MkdirAll(filepath.Dir(path), 0o755))
			must(t, os.WriteFile(path, b, 0o644))
		}
		return dir
	}
	archive := func(list files) string {
		var members []canonicaltest.Member
		for name, b := range list {
			members = append(members, canonicaltest.Member{name, string(b)})
		}
		return canonicaltest.Tar(t, members...)
	}
	both := files{"b": d6.Blob, "a": d6.Stream(), "sub/x.y": d7.Blob, "sub/c": comp, "sub/1": d7.Stream(), "README.txt": []byte("hello")}
	answer := fmt.Sprintf(`{"x": [{"snap-id": %[1]q, "name": "jq", "default-track": null, "channel-map": [
		{"revision": 6, "channel": {"architecture": "amd64", "name": "stable", "track": "latest", "risk": "stable", "released-at": "2024-01-01T00:00:00Z"}},
		{"revision": 7, "channel": {"architecture": "amd64", "name": "1.7/edge", "track": "1.7", "risk": "edge"}},
		{"revision": 7, "channel": {"architecture": "s390x", "name": "beta"}},
		{"revision": 9, "channel": {"architecture": "amd64", "name": "candidate"}}]},
		{"snap-id": %[1]q, "effective-channel": "edge/stable/x", "snap": {"revision": 6}},
		{"snap-id": %[1]q, "effective-channel": "edge/%[2]s", "snap": {"revision": 6}}]}`, d6.ID(), strings.Repeat("x", 251))
	const placed = "jq 6 7+docs_3 latest/stable/amd64=7"
	for name, tt := range map[string]struct {
		paths    []string
		channels []string
		want     string
	}{
		"pair": {paths: []string{write(t, t.TempDir(), "x", d6.Blob), write(t, t.TempDir(), "y", d6.Stream())}, want: "jq 6 latest/stable/amd64=6"},
		"pair of a channel": {
			paths: []string{write(t, t.TempDir(), "y", d6.Stream()), write(t, t.TempDir(), "x", d6.Blob)}, channels: []string{"edge", "1.6/beta"},
			want: "jq 6 1.6/beta/amd64=6 latest/edge/amd64=6",
		},
		"pair for all": {paths: []string{write(t, t.TempDir(), "x", all.Blob), write(t, t.TempDir(), "y", all.Stream())}, want: "yq 1 latest/stable/all=1"},
		"pairs": {
			paths: []string{write(t, t.TempDir(), "x", d6.Blob), write(t, t.TempDir(), "y", d6.Stream()), write(t, t.TempDir(), "z", d7.Blob), write(t, t.TempDir(), "c", comp), write(t, t.TempDir(), "w", d7.Stream())},
			want:  placed,
		},
		"folder":          {paths: []string{tree(both)}, want: placed},
		"tar":             {paths: []string{write(t, t.TempDir(), "x", []byte(archive(both)))}, want: placed},
		"tar.gz":          {paths: []string{write(t, t.TempDir(), "x", []byte(canonicaltest.Gzip(t, archive(both))))}, want: placed},
		"tar.zst":         {paths: []string{write(t, t.TempDir(), "x", bundletest.Zstd(t, []byte(archive(both))))}, want: placed},
		"nested tars":     {paths: []string{write(t, t.TempDir(), "x", []byte(archive(files{"1": []byte(canonicaltest.Gzip(t, archive(both)))})))}, want: placed},
		"tar in a folder": {paths: []string{tree(files{"1": []byte(archive(both)), "2": all.Blob, "3": all.Stream()})}, want: placed + "; yq 1 latest/stable/all=1"},
		"the original's": {
			paths: []string{write(t, t.TempDir(), "jq-20221026T104628.tar.gz", []byte(canonicaltest.Gzip(t, archive(files{"jq_6": d6.Blob, "jq_7": d7.Blob, "as": d6.Stream(), "bs": d7.Stream(), "c": comp, "metadata.json": []byte(answer)}))))},
			want:  "jq 6 7+docs_3 1.7/edge/amd64=7 latest/stable/amd64=6",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.expect(s.pushFiles(tt.channels, tt.paths...), tt.want)
			for _, f := range s.pushFiles(tt.channels, tt.paths...) {
				if f.Err != nil || !f.UpToDate {
					t.Errorf("%s again: up to date is %t, %v", f.Name, f.UpToDate, f.Err)
				}
			}
		})
	}
	t.Run("facts", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		s.pushFiles(nil, tree(both))
		sn := s.served().Snaps[0]
		r := sn.Revisions[1].Revision
		if sn.Details.Publisher.DisplayName != "The Publisher" || sn.Details.Title != "Title" || r.Version != "v7" || *r.Base != "core24" || !slices.Equal(r.Epoch.Read, []uint32{0, 1}) ||
			r.CreatedAt != assertiontest.Timestamp || r.Resources[0].Type != "component/standard" || r.Resources[0].Version != "c3" {
			t.Errorf("got %+v of %+v", r, sn.Details)
		}
		h, err := s.Store.History(t.Context(), "")
		if err != nil || len(h) != 1 || h[0].Signer != catalog.StoreSignatures {
			t.Errorf("history: %+v, %v", h, err)
		}
	})
}

// TestPushSnapsLater pushes snaps into a store that has their snap.
func TestPushSnapsLater(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	stack := assertiontest.NewStack(t)
	s.mustPush(bundletest.New(t, 1).Add("other", 1, 100).Tar(bundle.None))
	d, next := downloadtest.New(t, stack, "jq", 6, amd64YAML), downloadtest.New(t, stack, "jq", 8, amd64YAML)
	dir := t.TempDir()
	one, two := write(t, dir, "jq6", d.Blob), write(t, dir, "jq8", next.Blob)
	const other = "; other 1 latest/stable/amd64=1"
	s.expect(s.pushFiles([]string{"edge"}, one, write(t, dir, "jq6.assert", d.Stream())), "jq 6 latest/edge/amd64=6"+other)
	// The snap is known now: a revision without --channel goes nowhere.
	s.expect(s.pushFiles(nil, two, write(t, dir, "jq8.assert", next.Stream())), "jq 6 8 latest/edge/amd64=6"+other)
	// Its channel moves later, and back. The store has the assertions.
	s.expect(s.pushFiles([]string{"edge"}, two), "jq 6 8 latest/edge/amd64=8"+other)
	s.expect(s.pushFiles([]string{"edge"}, one), "jq 6 8 latest/edge/amd64=6"+other)
	// A component comes alone, for a revision that is here.
	comp := write(t, dir, "c", d.AddComponent("docs", 3))
	s.expect(s.pushFiles(nil, comp, write(t, dir, "c.assert", downloadtest.Stream(t, d.About[1:]...))), "jq 6+docs_3 8 latest/edge/amd64=6"+other)
	// One that runs everywhere replaces the rows of single architectures.
	everywhere := downloadtest.New(t, stack, "jq", 9, "")
	s.expect(s.pushFiles([]string{"edge"}, write(t, dir, "jq9", everywhere.Blob), write(t, dir, "jq9.assert", everywhere.Stream())),
		"jq 6+docs_3 8 9 latest/edge/all=9 latest/edge/amd64=9"+other)
}

// TestPushSnapsRefused pushes bad snaps in a folder, in an archive, and beside good ones. Nothing of them is imported.
func TestPushSnapsRefused(t *testing.T) {
	t.Parallel()
	stack := assertiontest.NewStack(t)
	good := func() *downloadtest.Download { return downloadtest.New(t, stack, "jq", 6, amd64YAML) }
	signed := func(changes assertiontest.Headers) *downloadtest.Download {
		d := good()
		d.Sign(changes)
		return d
	}
	flipped := good()
	flipped.Blob = bytes.Clone(flipped.Blob)
	flipped.Blob[len(flipped.Blob)/2] ^= 1
	foreign := good()
	account := stack.NewAccount("OtherOtherOtherOtherOtherOther01", "other")
	foreign.Others = append(foreign.Others, account.Assertions()...)
	foreign.About = []*assertion.Assertion{account.Sign(assertiontest.RevisionHeaders(foreign.ID(), 6, account.ID, assertiontest.BlobOf(foreign.Blob)), nil)}
	undeclared := good()
	undeclared.Others = undeclared.Others[:2]
	revoked := good()
	revoked.Others[2] = stack.SnapDeclaration(revoked.ID(), "", downloadtest.Publisher, nil)
	noComponent, unpaired, misnamed := good(), good(), good()
	noComponent.AddComponent("docs", 3)
	unpairedFile := unpaired.AddComponent("docs", 3)
	unpaired.About = unpaired.About[:2]
	misnamed.Others[2] = stack.SnapDeclaration(misnamed.ID(), "yq", downloadtest.Publisher, nil)
	misnamedFile := misnamed.AddComponent("docs", 3)
	for name, tt := range map[string]struct {
		d     *downloadtest.Download
		more  []byte
		leave string // "snap" or "assert"
	}{
		"no assertion":           {d: good(), leave: "assert"},
		"no snap":                {d: good(), leave: "snap"},
		"another digest":         {d: flipped},
		"untrusted root":         {d: downloadtest.New(t, bundletest.UntrustedStack(t), "jq", 6, amd64YAML)},
		"another authority":      {d: foreign},
		"another size":           {d: signed(assertiontest.Headers{"snap-size": "5"})},
		"another snap-id":        {d: signed(assertiontest.Headers{"snap-id": strings.Repeat("x", 32)})},
		"unknown developer":      {d: signed(assertiontest.Headers{"developer-id": strings.Repeat("x", 32)})},
		"another provenance":     {d: signed(assertiontest.Headers{"provenance": "elsewhere"})},
		"no declaration":         {d: undeclared},
		"revoked declaration":    {d: revoked},
		"assertion of component": {d: noComponent},
		"component without pair": {d: unpaired, more: unpairedFile},
		"component of another":   {d: misnamed, more: misnamedFile},
		"no snap.yaml":           {d: good(), more: badImage(t)},
		"cut off":                {d: good(), more: good().Blob[:100]},
		"cut-off assertions":     {d: good(), more: good().Stream()[:1000]},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			dir := t.TempDir()
			var members []canonicaltest.Member
			var loose []string
			add := func(name string, b []byte) {
				if b != nil && name != tt.leave {
					members = append(members, canonicaltest.Member{name, string(b)})
					loose = append(loose, write(t, dir, name, b))
				}
			}
			add("snap", tt.d.Blob)
			add("assert", tt.d.Stream())
			add("more", tt.more)
			archive := write(t, t.TempDir(), "archive", []byte(canonicaltest.TarGz(t, members...)))
			for _, path := range []string{dir, archive} {
				f := s.pushFiles(nil, path)[0]
				t.Log(f.Err)
				if f.Err == nil || s.state() != "" {
					t.Errorf("%s: %v, served %q", path, f.Err, s.state())
				}
			}
			if tt.leave == "snap" {
				return // a file of assertions is a thing of its own
			}
			yq := downloadtest.New(t, stack, "yq", 1, "")
			failed := false
			for _, f := range s.pushFiles(nil, append(loose, write(t, t.TempDir(), "yq", yq.Blob), write(t, t.TempDir(), "yq.assert", yq.Stream()))...) {
				failed = failed || f.Err != nil
			}
			if got := s.state(); failed == (tt.d == noComponent) || !strings.HasPrefix(got, "yq 1 latest/stable/all=1") && !strings.HasSuffix(got, "yq 1 latest/stable/all=1") {
				t.Errorf("beside a good one: failed is %t, served %q", failed, got)
			}
			if got := s.state(); tt.more == nil && tt.d != noComponent && strings.Contains(got, "jq") {
				t.Errorf("the bad one is served: %q", got)
			}
		})
	}
}

// badImage returns a squashfs that is neither a snap nor a component.
func badImage(t *testing.T) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "image")
	must(t, upstreamtest.MakeSquashfs(path, "meta/other.yaml", "name: x"))
	b, err := os.ReadFile(path)
	must(t, err)
	return b
}
