//go:build linux

package main_test

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	ggcr "github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/opencontainers/go-digest"
	"github.com/rogpeppe/go-internal/testscript"

	"offlinestore/blob"
	"offlinestore/catalog"
	"offlinestore/charm"
	"offlinestore/instance/pgcluster"
	"offlinestore/internal/freeport"
	"offlinestore/internal/pgtest"
)

// TestImages runs the scripts in testdata/images, about the registry of serve and about copies to another registry. In
// addition to the commands and variables of TestScripts there are:
//
//	images WHAT     import a charm with images, as a push does: "whole", or "sparse" for an index with only one platform
//	$REGISTRY       a registry that accepts the user juju with the password s3cret
//	$TLS_REGISTRY   a registry over TLS that accepts everyone; tls.pem vouches for its certificate
//	$ADDR2, $PORT2  another free address
func TestImages(t *testing.T) {
	t.Parallel()
	scripts, err := filepath.Glob("testdata/images/*.txtar")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("find the scripts: %v", err)
	}
	if _, _, err := pgcluster.Find(); err != nil && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	cmds := commands()
	cmds["images"] = importImages
	for _, script := range scripts {
		t.Run(strings.TrimSuffix(filepath.Base(script), ".txtar"), func(t *testing.T) {
			t.Parallel()
			dsn := pgtest.NewFrom(t, migrated)
			other := httptest.NewServer(withPassword(ggcr.New(ggcr.Logger(log.New(io.Discard, "", 0)))))
			t.Cleanup(other.Close)
			secure := httptest.NewUnstartedServer(ggcr.New(ggcr.Logger(log.New(io.Discard, "", 0))))
			secure.Config.ErrorLog = log.New(io.Discard, "", 0)
			secure.StartTLS()
			t.Cleanup(secure.Close)
			testscript.Run(t, testscript.Params{
				Files: []string{script}, WorkdirRoot: tempDir(t), RequireExplicitExec: true, RequireUniqueNames: true,
				Deadline: time.Now().Add(6 * time.Minute), Cmds: cmds,
				Setup: func(e *testscript.Env) error {
					e.Setenv("DSN", dsn)
					e.Setenv("SNAP_COMMON", filepath.Join(e.WorkDir, "data"))
					e.Setenv("REGISTRY", other.Listener.Addr().String())
					e.Setenv("TLS_REGISTRY", secure.Listener.Addr().String())
					ca := []byte(block("CERTIFICATE", secure.Certificate().Raw))
					return errors.Join(os.WriteFile(filepath.Join(e.WorkDir, "tls.pem"), ca, 0o644), setFreeAddresses(e, "", "2"))
				},
			})
		})
	}
}

func withPassword(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "juju" || password != "s3cret" {
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func setFreeAddresses(e *testscript.Env, names ...string) error {
	for _, name := range names {
		port, err := freeport.Port()
		if err != nil {
			return err
		}
		e.Setenv("ADDR"+name, net.JoinHostPort("127.0.0.1", port))
		e.Setenv("PORT"+name, port)
	}
	return nil
}

func importImages(ts *testscript.TestScript, _ bool, args []string) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	blobs, err := blob.Open(filepath.Join(ts.Getenv("SNAP_COMMON"), "blobs"))
	ts.Check(err)
	in := &imageImport{blobs: blobs, Import: catalog.Import{Bundle: digest.FromString(args[0]), Name: args[0], SignedAt: time.Now(), Sequence: 1}}
	img, err := random.Image(1000, 2)
	ts.Check(err)
	switch args[0] {
	case "whole":
		root, err := in.image(img)
		ts.Check(err)
		in.charm("db", "charm/db0/image@"+root.String(), root)
		ts.Setenv("WHOLE", "charm/db0/image@"+root.String())
		ts.Setenv("DIGEST", root.String())
	case "sparse":
		root, err := in.sparse(img)
		ts.Check(err)
		in.charm("web", "mirror/web:1", root)
	default:
		ts.Fatalf("images %s: no such charm", args[0])
	}
	s, err := catalog.Open(ctx, ts.Getenv("DSN"))
	ts.Check(err)
	defer s.Close()
	_, err = s.Apply(ctx, &in.Import)
	ts.Check(err)
}

// imageImport is an import in the making.
type imageImport struct {
	blobs *blob.Dir
	catalog.Import
}

func (in *imageImport) charm(name, image string, root digest.Digest) {
	in.Charms = append(in.Charms, catalog.ImportedCharm{Listing: charm.Listing{ID: "id-" + name, Name: name, Type: charm.TypeCharm}})
	item := charm.ResourceItem{Charm: name, CharmID: "id-" + name, Image: &charm.Image{Name: image, Digest: root.String()}}
	item.Resource.Name, item.Resource.Type, item.Resource.Revision = "image", charm.ResourceImage, 1
	in.CharmResources = append(in.CharmResources, catalog.ImportedCharmResource{ResourceItem: item})
}

func (in *imageImport) put(content []byte) (digest.Digest, error) {
	dg := digest.FromBytes(content)
	s, err := in.blobs.Stage(int64(len(content)))
	if err != nil {
		return "", err
	}
	if _, err := s.Write(content); err != nil {
		return "", err
	}
	batch := in.blobs.NewBatch()
	batch.AddBlob(s, dg)
	in.Blobs = append(in.Blobs, catalog.Blob{Digest: dg, Size: int64(len(content))})
	return dg, batch.Sync(context.Background())
}

func (in *imageImport) image(img v1.Image) (digest.Digest, error) {
	raw, err := img.RawManifest()
	if err != nil {
		return "", err
	}
	layers, err := img.Layers()
	if err != nil {
		return "", err
	}
	config, err := partial.ConfigLayer(img)
	if err != nil {
		return "", err
	}
	m := catalog.Image{MediaType: "application/vnd.docker.distribution.manifest.v2+json", Size: int64(len(raw))}
	for _, l := range append(layers, config) {
		r, err := l.Compressed()
		if err != nil {
			return "", err
		}
		content, err := io.ReadAll(r)
		if err != nil {
			return "", err
		}
		dg, err := in.put(content)
		if err != nil {
			return "", err
		}
		m.Blobs = append(m.Blobs, catalog.ImageBlob{Digest: dg, Size: int64(len(content))})
	}
	m.Digest, err = in.put(raw)
	in.Images = append(in.Images, m)
	return m.Digest, err
}

// sparse makes an index of the image for amd64 and of one for s390x, which is left out.
func (in *imageImport) sparse(img v1.Image) (digest.Digest, error) {
	other, err := random.Image(1000, 1)
	if err != nil {
		return "", err
	}
	var adds []mutate.IndexAddendum
	for arch, img := range map[string]v1.Image{"amd64": img, "s390x": other} {
		adds = append(adds, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}}})
	}
	raw, err := mutate.AppendManifests(empty.Index, adds...).RawManifest()
	if err != nil {
		return "", err
	}
	child, err := in.image(img)
	if err != nil {
		return "", err
	}
	root, err := in.put(raw)
	in.Images = append(in.Images, catalog.Image{Digest: root, MediaType: "application/vnd.oci.image.index.v1+json", Size: int64(len(raw)), Children: []digest.Digest{child}})
	return root, err
}
