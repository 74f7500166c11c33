// Package canonicaltest makes files in the formats of the original store-admin.
package canonicaltest

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"testing"
	"time"

	"offlinestore/charm"
	"offlinestore/internal/bundletest"
)

// FileName is the name of a file made at Exported.
const FileName = "charms-export-20220426T163115.tar.gz"

// Exported returns the time at which the files were made.
func Exported() time.Time { return time.Date(2022, 4, 26, 16, 31, 15, 0, time.UTC) }

// Member is a file of an archive: its name and its content. A name that ends in a slash makes a folder.
type Member [2]string

// TarGz packs and compresses files as the original store-admin does.
func TarGz(t testing.TB, members ...Member) string {
	t.Helper()
	return Gzip(t, Tar(t, members...))
}

// Tar packs files as the original store-admin does, without compression. Their times are an hour after Exported.
func Tar(t testing.TB, members ...Member) string {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, m := range members {
		h := &tar.Header{Name: m[0], Mode: 0o644, Size: int64(len(m[1])), ModTime: Exported().Add(time.Hour)}
		if m[0][len(m[0])-1] == '/' {
			h.Typeflag = tar.TypeDir
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(m[1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// Gzip compresses content.
func Gzip(t testing.TB, content string) string {
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

// Zip packs files as charms are packed.
func Zip(t testing.TB, members ...Member) string {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, m := range members {
		f, err := w.Create(m[0])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(m[1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// The texts of the charm app.
const (
	// AppYAML is its metadata.yaml.
	AppYAML = "name: app\nsummary: It runs.\nresources:\n  data:\n    type: file\n    filename: data.bin\n  image:\n    type: oci-image\n    description: The image.\n"
	focal   = "bases:\n- name: ubuntu\n  channel: \"20.04\"\n  architectures: [amd64, arm64]\n"
	// AskFor is a bundle.yaml that requests the charm.
	AskFor = "applications:\n  any:\n    charm: app\n    channel: 2/edge\n    num_units: 3\n"
	// ImageBlob holds the location of its image, with credentials.
	ImageBlob = `{"ImageName":"registry.jujucharms.com/charm/abc/image@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","Username":"docker-registry","Password":"s3cr3t-macaroon"}`
)

// AppCharm returns the archive of the charm app, with additional files.
func AppCharm(t testing.TB, more ...Member) string {
	t.Helper()
	return Zip(t, append([]Member{{"metadata.yaml", AppYAML}, {"manifest.yaml", focal}, {"actions.yaml", "go: {}\n"}}, more...)...)
}

// Info returns a guess at a metadata.json: an answer of Charmhub. The format is not published.
func Info(t testing.TB, name string) string {
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

// AppMembers returns the files of the charm app.
func AppMembers(t testing.TB) []Member {
	t.Helper()
	b := bundletest.New(t, 0)
	return []Member{
		{"app/", ""}, {"app/resources/app.data_4", "some data"}, {"app/app_20.charm", AppCharm(t)},
		{"app/app_publisher_account.assert", string(b.Stream(b.Stack.Account(bundletest.CharmPublisher, "Charmers", nil)))},
		{"app/metadata.json", Info(t, "app")}, {"app/resources/", ""}, {"app/resources/app.image_3", ImageBlob},
	}
}

// Bomb returns a compressed archive of one file of size zeros.
func Bomb(t *testing.T, size int64) io.Reader {
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
