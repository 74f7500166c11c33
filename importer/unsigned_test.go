package importer_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/bundle"
	"offlinestore/catalog"
	"offlinestore/charm"
	"offlinestore/importer"
	"offlinestore/internal/bundletest"
	"offlinestore/internal/canonicaltest"
)

func TestReadUnsigned(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	file := tarGz(t, member{"bundle.yaml", canonicaltest.AskFor}, member{"app.tar.gz", tarGz(t, canonicaltest.AppMembers(t)...)})
	u := s.mustRead(canonicaltest.FileName, file)
	if len(s.served().Charms) != 0 {
		t.Error("something is served before Apply")
	}
	plan := s.plan(u.Candidate())
	report, err := s.Apply(t.Context(), u.Verified)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(plan, report); diff != "" {
		t.Errorf("Apply did something else than PlanAll said (-plan +apply):\n%s", diff)
	}
	if len(u.Warnings) != 0 || !u.Created.Equal(canonicaltest.Exported()) || !cmp.Equal(u.Content(), importer.Content{Charms: []string{"app"}}) {
		t.Errorf("ReadUnsigned = %q, made at %s, with %+v; want no warnings, %s, app", u.Warnings, u.Created, u.Content(), canonicaltest.Exported())
	}
	app := s.served().Charms[0]
	if diff := cmp.Diff([]string{"2/edge for ubuntu@20.04 amd64: 20 [{data 4} {image 3}]", "2/edge for ubuntu@20.04 arm64: 20 [{data 4} {image 3}]"}, rowsOf(app.ChannelMap)); diff != "" {
		t.Errorf("channel map (-want +got):\n%s", diff)
	}
	got := []any{app.ID, app.DefaultTrack, app.Details.Title, app.ChannelMap[0].ReleasedAt, app.Revisions[0].MetadataYAML, app.Revisions[0].ConfigYAML, app.Revisions[0].ActionsYAML}
	if diff := cmp.Diff([]any{bundletest.CharmID("app"), "2", "The App", "2022-04-01T00:00:00+00:00", canonicaltest.AppYAML, "{}\n", "go: {}\n"}, got); diff != "" {
		t.Errorf("charm (-want +got):\n%s", diff)
	}
	data, image := app.Resources[0], app.Resources[1]
	if data.Blob == "" || data.Download.Size != 9 || data.Filename != "data.bin" || len(data.Download.SHA384) != 96 {
		t.Errorf("data = %+v, want the file", data)
	}
	want := &charm.Image{
		Digest: "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		Name:   "charm/abc/image@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		Source: "registry.jujucharms.com/charm/abc/image@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	}
	if diff := cmp.Diff(want, image.Image); diff != "" || image.Blob != "" {
		t.Errorf("image in %q (-want +got):\n%s", image.Blob, diff)
	}
	if as := s.served().Assertions; len(as) < 2 {
		t.Errorf("%d assertions, want the publisher's account", len(as))
	}
	history, err := s.Store.History(t.Context(), "")
	if err != nil || history[0].Signer != catalog.Unsigned || history[0].Name != canonicaltest.FileName {
		t.Errorf("history = %+v, %v; want it unsigned", history, err)
	}
	if again, err := s.Apply(t.Context(), s.mustRead("x.tar.gz", file).Verified); err != nil || !again.AlreadyImported {
		t.Errorf("the same file again = %+v, %v; want it to be known", again, err)
	}
	s.keepsNo("s3cr3t")
}

// keepsNo fails the test if a blob or a staged file contains the text.
func (s *site) keepsNo(secret string) {
	s.t.Helper()
	err := filepath.WalkDir(s.blobs, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, []byte(secret)) {
			s.t.Errorf("%s has %q in it", path, secret)
		}
		return err
	})
	must(s.t, err)
}

// TestReadUnsignedBareFile checks that missing parts of the file are made up, with a warning.
func TestReadUnsignedBareFile(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	old := canonicaltest.Zip(t, member{"metadata.yaml", "name: old\nsummary: s\ndescription: d\nseries: [xenial, bionic]\nresources: {data: {type: file}}\n"})
	none := canonicaltest.Zip(t, member{"metadata.yaml", "name: none\nsummary: s\n"})
	kit := canonicaltest.Zip(t, member{"bundle.yaml", "applications: {old: {charm: old}}\n"}, member{"README.md", "Read me.\n"})
	u := s.mustRead("mine.tar.gz", tarGz(t,
		member{"./old.tar.gz", tarGz(t, member{"./old_3.charm", old}, member{"./resources/old.data_0", ""}, member{"resources/old.other_1", "x"})},
		member{"none_4.charm", none}, member{"notes.txt", "hello"}, member{"kit.tar.gz", tarGz(t, member{"kit_9.zip", kit}, member{"kit_publisher_account.assert", "garbage"})}))
	if _, err := s.Apply(t.Context(), u.Verified); err != nil {
		t.Fatal(err)
	}
	all := strings.Join(u.Warnings, "\n")
	for _, want := range []string{"no bundle.yaml", "notes.txt", "old: its ID", "kit: its publisher's account is left out", "none revision 4: it does not say on which bases",
		"old revision 3: it does not say for which architectures", "old: its resource other is left out", "old: what Charmhub says"} {
		if !strings.Contains(all, want) {
			t.Errorf("warnings %q, want one with %q", u.Warnings, want)
		}
	}
	got := make(map[string][]string)
	for _, c := range s.served().Charms {
		got[c.Type+" "+c.Name] = rowsOf(c.ChannelMap)
		if len(c.ID) != 32 {
			t.Errorf("%s has the ID %q, want 32 characters", c.Name, c.ID)
		}
	}
	want := map[string][]string{
		"bundle kit": {"latest/stable for no base: 9 []"},
		"charm none": {"latest/stable for ubuntu@22.04 amd64: 4 []"},
		"charm old":  {"latest/stable for ubuntu@16.04 amd64: 3 [{data 0}]", "latest/stable for ubuntu@18.04 amd64: 3 [{data 0}]"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("channel maps (-want +got):\n%s", diff)
	}
	if !u.Created.Equal(canonicaltest.Exported().Add(3600e9)) {
		t.Errorf("made at %s, want the time of the newest file, %s", u.Created, canonicaltest.Exported().Add(3600e9))
	}
}

// TestReadUnsignedBundleYAML checks that the operator's choices hold: channels, revisions and images under other names.
func TestReadUnsignedBundleYAML(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ask := "applications:\n  a: {charm: 'ch:app', channel: candidate, resources: {image: 'mine:latest', data: ./x}}\n  b: {charm: app, channel: 1/stable, revision: 21}\n  c: {charm: other}\n"
	nested := []member{{"app_20.charm", canonicaltest.AppCharm(t)}, {"app_21.charm", canonicaltest.AppCharm(t, member{"x", "y"})}, {"resources/app.image_3", canonicaltest.ImageBlob}, {"metadata.json", `{"charm":` + canonicaltest.Info(t, "app") + `}`}}
	u := s.mustRead("charms-export-29990426T163115.tar.gz", tarGz(t, member{"app.tar.gz", tarGz(t, nested...)}, member{"bundle.yaml", ask}))
	if _, err := s.Apply(t.Context(), u.Verified); err != nil {
		t.Fatal(err)
	}
	if !u.Created.Equal(s.Now()) {
		t.Errorf("made at %s, want no later than now, %s", u.Created, s.Now())
	}
	app := s.served().Charms[0]
	want := []string{"1/stable for ubuntu@20.04 amd64: 21 [{image 3}]", "1/stable for ubuntu@20.04 arm64: 21 [{image 3}]",
		"2/candidate for ubuntu@20.04 amd64: 20 [{image 3}]", "2/candidate for ubuntu@20.04 arm64: 20 [{image 3}]"}
	if diff := cmp.Diff(want, rowsOf(app.ChannelMap)); diff != "" {
		t.Errorf("channel map (-want +got):\n%s", diff)
	}
	if got := app.Resources[0].Image.Name; got != "mine:latest" {
		t.Errorf("the image is %s, want mine:latest", got)
	}
}

// TestReadUnsignedRefuses checks that a refused file leaves none of its secrets behind.
func TestReadUnsignedRefuses(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	good := tarGz(t, member{"bundle.yaml", canonicaltest.AskFor}, member{"app.tar.gz", tarGz(t, canonicaltest.AppMembers(t)...)})
	nested := func(members ...member) string { return tarGz(t, member{"app.tar.gz", tarGz(t, members...)}) }
	app := member{"app_20.charm", canonicaltest.AppCharm(t)}
	for name, file := range map[string]string{
		"cut off":             good[:len(good)/2],
		"cut off at the end":  good[:len(good)-3],
		"no zip":              nested(member{"app_20.charm", "nothing"}),
		"image without a ref": nested(app, member{"resources/app.image_1", `{"Password":"s3cr3t"}`}),
		"large image blob":    nested(app, member{"resources/app.image_1", strings.Repeat("s3cr3t", 20000)}),
	} {
		if _, err := s.read(canonicaltest.FileName, file); !errors.Is(err, bundle.ErrCorrupt) || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%s: ReadUnsigned = %v, want ErrCorrupt and no secret", name, err)
		}
	}
	s.keepsNo("s3cr3t\"}")
}

func TestReadUnsignedInterrupted(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	file := tarGz(t, member{"app.tar.gz", tarGz(t, canonicaltest.AppMembers(t)...)})
	ctx, cancel := context.WithCancel(t.Context())
	_, err := s.ReadUnsigned(ctx, "x.tar.gz", strings.NewReader(file), 0, func(int64) { cancel() })
	if !errors.Is(err, context.Canceled) || errors.Is(err, bundle.ErrCorrupt) {
		t.Errorf("ReadUnsigned after Ctrl-C = %v, want Canceled", err)
	}
	disk := errors.New("the disk is on fire")
	_, err = s.ReadUnsigned(t.Context(), "x.tar.gz", io.MultiReader(strings.NewReader(file[:len(file)/2]), failingReader{disk}), 0, nil)
	if !errors.Is(err, disk) || errors.Is(err, bundle.ErrCorrupt) {
		t.Errorf("ReadUnsigned of a file that can't be read = %v, want that and not ErrCorrupt", err)
	}
}

type failingReader struct{ err error }

func (f failingReader) Read([]byte) (int, error) { return 0, f.err }
