package importer_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"offlinestore/charm"
	"offlinestore/importer"
	"offlinestore/internal/bundletest"
)

// exported is when a test's file of the original store-admin was made.
var exported = time.Date(2022, 4, 26, 16, 31, 15, 0, time.UTC)

// member is a file of an archive.
type member struct {
	name, content string
}

// tarGz packs files as the original store-admin does.
func tarGz(t testing.TB, members ...member) string {
	t.Helper()
	return gz(t, tarOf(t, members...))
}

func tarOf(t testing.TB, members ...member) string {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, m := range members {
		h := &tar.Header{Name: m.name, Mode: 0o644, Size: int64(len(m.content)), ModTime: exported.Add(time.Hour)}
		if m.name[len(m.name)-1] == '/' {
			h.Typeflag = tar.TypeDir
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(m.content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func gz(t testing.TB, content string) string {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func zipOf(t testing.TB, members ...member) string {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, m := range members {
		f, err := w.Create(m.name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(m.content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

const (
	appYAML = "name: app\nsummary: It runs.\nresources:\n  data:\n    type: file\n    filename: data.bin\n  image:\n    type: oci-image\n    description: The image.\n"
	focal   = "bases:\n- name: ubuntu\n  channel: \"20.04\"\n  architectures: [amd64, arm64]\n"
	askFor  = "applications:\n  any:\n    charm: app\n    channel: 2/edge\n    num_units: 3\n"
	oci     = `{"ImageName":"registry.jujucharms.com/charm/abc/image@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","Username":"docker-registry","Password":"s3cr3t-macaroon"}`
)

func appCharm(t testing.TB, more ...member) string {
	t.Helper()
	return zipOf(t, append([]member{{"metadata.yaml", appYAML}, {"manifest.yaml", focal}, {"actions.yaml", "go: {}\n"}}, more...)...)
}

// info is a metadata.json as far as one can guess: an answer of Charmhub.
func info(t testing.TB, name string) string {
	t.Helper()
	base := &charm.Base{Name: "ubuntu", Channel: "20.04", Architecture: "amd64"}
	at := charm.Channel{Base: base, Name: "2/edge", Risk: "edge", Track: "2", ReleasedAt: "2022-04-01T00:00:00+00:00"}
	b, err := json.Marshal(charm.InfoResponse{
		ID: bundletest.CharmID(name), Name: name, Type: charm.TypeCharm,
		Result:         charm.Details{Title: "The App", Summary: "As Charmhub has it", Publisher: charm.Publisher{ID: bundletest.CharmPublisher, Username: "charmers"}},
		ChannelMap:     []charm.ChannelMapEntry{{Channel: at, Revision: charm.Revision{Number: 20}}},
		DefaultRelease: &charm.DefaultRelease{Channel: charm.Channel{Track: "2", Risk: "stable"}, Revision: charm.Revision{Number: 19}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// appMembers are the files of the charm app.
func appMembers(t testing.TB) []member {
	t.Helper()
	b := bundletest.New(t, 0)
	return []member{
		{"app/", ""}, {"app/resources/app.data_4", "some data"}, {"app/app_20.charm", appCharm(t)},
		{"app/app_publisher_account.assert", string(b.Stream(b.Stack.Account(bundletest.CharmPublisher, "Charmers", nil)))},
		{"app/metadata.json", info(t, "app")}, {"app/resources/", ""}, {"app/resources/app.image_3", oci},
	}
}

// read reads a file of the original store-admin.
func (s *site) read(name, file string) (*importer.Unsigned, error) {
	return s.ReadUnsigned(s.t.Context(), name, bytes.NewReader([]byte(file)), nil)
}

func (s *site) mustRead(name, file string) *importer.Unsigned {
	s.t.Helper()
	u, err := s.read(name, file)
	if err != nil {
		s.t.Fatal(err)
	}
	return u
}

// rowsOf prints the channel map of a charm.
func rowsOf(list []charm.Release) []string {
	out := []string{}
	for _, r := range list {
		base := "no base"
		if r.Base != nil {
			base = r.Base.String()
		}
		out = append(out, fmt.Sprintf("%s for %s: %d %v", r.Channel, base, r.Revision, r.Resources))
	}
	return out
}

// bombOf is an archive of one resource of that many zeros, compressed.
func bombOf(t *testing.T, size int64) io.Reader {
	t.Helper()
	r, w := io.Pipe()
	go func() {
		z, _ := gzip.NewWriterLevel(w, gzip.BestSpeed)
		a := tar.NewWriter(z)
		err := a.WriteHeader(&tar.Header{Name: "notes", Mode: 0o644, Size: size})
		if err == nil {
			_, err = io.CopyN(a, zeros{}, size)
		}
		w.CloseWithError(errors.Join(err, a.Close(), z.Close()))
	}()
	t.Cleanup(func() { r.Close() })
	return r
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
