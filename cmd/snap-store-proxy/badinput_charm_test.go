//go:build linux

package main_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"offlinestore/bundle"
	"offlinestore/charm"
	"offlinestore/cmd/internal/cli"
	"offlinestore/internal/bundletest"
)

// charmUpdate returns a bundle with a charm. The charm's file, archive and image are the payload of the bundle.
func charmUpdate(t *testing.T) *bundletest.Bundle {
	return bundletest.New(t, 20).AddWholeCharm("app", 2, 4000)
}

// badCharms returns the rows about the content of a file with charms.
func badCharms() []badInput {
	damaged, untrusted := []int{cli.Damaged}, []int{cli.Untrusted}
	return []badInput{
		{"charm whose files contradict the store's answers about them", untrusted, []string{"app_2", "metadata.yaml"}, func(t *testing.T, _ string) []byte {
			b := charmUpdate(t)
			b.CharmRevisions[0].Revision.MetadataYAML += "subordinate: true\n"
			return b.Tar(bundle.Gzip)
		}},
		{"charm that is no zip", untrusted, []string{"app_2", "zip"}, func(t *testing.T, _ string) []byte {
			return withArchive(charmUpdate(t), []byte("#!/bin/sh\n")).Tar(bundle.Gzip)
		}},
		{"charm that is a zip bomb", untrusted, []string{"app_2", "metadata.yaml"}, func(t *testing.T, _ string) []byte {
			return withArchive(charmUpdate(t), archive(t, string(make([]byte, 64<<20)))).Tar(bundle.Gzip)
		}},
		{"YAML bomb in a charm", untrusted, []string{"app_2", "too many values"}, func(t *testing.T, _ string) []byte {
			b := charmUpdate(t)
			b.CharmRevisions[0].Revision.MetadataYAML = yamlBomb()
			return withArchive(b, archive(t, yamlBomb())).Tar(bundle.Gzip)
		}},
		{"resource with another SHA-384 than Charmhub's", damaged, []string{"app.data_2", "SHA-384"}, func(t *testing.T, _ string) []byte {
			b := charmUpdate(t)
			b.CharmResources[0].Resource.Download.SHA384 = strings.Repeat("0", 96)
			return b.Tar(bundle.Gzip)
		}},
		{"flipped bit in a charm", damaged, []string{"app_2"}, func(t *testing.T, _ string) []byte {
			b := charmUpdate(t)
			return flipBlob(t, b, b.CharmRevisions[0].Blob.Digest.Encoded())
		}},
		{"flipped bit in a layer of an image", damaged, []string{"layer"}, func(t *testing.T, _ string) []byte {
			b := charmUpdate(t)
			return flipBlob(t, b, filepath.Base(layerOf(t, b)))
		}},
		{"image whose layer is missing", damaged, []string{"should"}, func(t *testing.T, _ string) []byte {
			b := charmUpdate(t)
			return editBlob(t, b, filepath.Base(layerOf(t, b)), func(files []bundletest.File, i int) []bundletest.File { return slices.Delete(files, i, i+1) })
		}},
	}
}

// withArchive replaces the archive of the charm in a bundle.
func withArchive(b *bundletest.Bundle, content []byte) *bundletest.Bundle {
	blob, r := b.BlobOf(content), b.CharmRevisions[0]
	r.Blob = bundle.File{Digest: blob.Digest, Size: blob.Size}
	r.Revision.Download = charm.Download{SHA256: blob.Digest.Encoded(), Size: blob.Size}
	return b
}

// archive returns a charm's archive with this metadata.yaml.
func archive(t *testing.T, metadata string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	f, err := w.Create("metadata.yaml")
	if err == nil {
		_, err = io.WriteString(f, metadata)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// yamlBomb returns YAML in which each alias repeats the one before several times.
func yamlBomb() string {
	text := "name: app\nsummary: x\nl0: &l0 [x, x, x, x, x, x, x, x, x]\n"
	for i := range 9 {
		text += fmt.Sprintf("l%d: &l%[1]d [*l%d, *l%[2]d, *l%[2]d, *l%[2]d, *l%[2]d, *l%[2]d, *l%[2]d, *l%[2]d, *l%[2]d]\n", i+1, i)
	}
	return text
}

// editBlob lets edit change the files of a packed bundle. i is the index of the blob.
func editBlob(t *testing.T, b *bundletest.Bundle, blob string, edit func(files []bundletest.File, i int) []bundletest.File) []byte {
	t.Helper()
	files := bundletest.Unpack(t, b.Tar(bundle.None))
	i := slices.IndexFunc(files, func(f bundletest.File) bool { return f.Header.Name == "blobs/sha256/"+blob })
	if i < 0 {
		t.Fatalf("no blob %s", blob)
	}
	return bundletest.Pack(t, edit(files, i))
}

func flipBlob(t *testing.T, b *bundletest.Bundle, blob string) []byte {
	t.Helper()
	return editBlob(t, b, blob, func(files []bundletest.File, i int) []bundletest.File {
		files[i].Data[len(files[i].Data)/2] ^= 1
		return files
	})
}

// TestUnsignedFiles pushes files of the original store-admin, which have no signature.
func TestUnsignedFiles(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	before := s.served()
	good := originalExport(t)
	path := s.file("charms-export-20220426T163115.tar.gz", good)
	unsigned := badInput{codes: []int{cli.Untrusted}, says: []string{"nobody has signed", "--allow-unsigned"}}
	for _, args := range [][]string{{"push-charms", path}, {"push-snap", "--json", path}, {"push-charm-bundle", "--plan", path}} {
		s.isRefused(unsigned, s.run(args...))
		s.serves(before)
	}
	noZip := packed(t, file("bundle.yaml", "applications: {any: {charm: app}}\n"), file("app.tar.gz", string(packed(t, file("app_20.charm", "no zip")))))
	cut := bytes.Clone(good[:len(good)-100])
	altered := bytes.Clone(good)
	altered[len(altered)-6] ^= 1
	for says, bad := range map[string][]byte{"cut off": cut, "checksum": altered, "zip": noZip} {
		bad := s.file("bad.tar.gz", bad)
		for _, flags := range [][]string{nil, {"--json"}, {"--plan"}} {
			s.isRefused(badInput{codes: []int{cli.Damaged}, says: []string{says, "hint: copy the file again; "}}, s.run(append([]string{"push-charms", "--allow-unsigned", bad}, flags...)...))
			s.serves(before)
			s.isClean()
		}
	}
	s.mustRun("push-charms", "--allow-unsigned", path)
	s.mustRun("push-charms", "--allow-unsigned", path) // a second push has nothing to do
	if got := s.served().Charms; len(got) != 1 || got[0].Revisions[0].Revision.Number != 20 {
		t.Errorf("%+v is served, want revision 20 of app", got)
	}
	s.isClean()
}

// TestUnsignedKilled kills pushes of an unsigned file at several moments, and checks that the store serves the whole file
// or nothing of it.
func TestUnsignedKilled(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	before := s.served()
	path := s.file("charms-export-20220426T163115.tar.gz", originalExport(t, file("notes.txt", strings.Repeat("x", 20<<20))))
	killed, step := 0, 20*time.Millisecond
	for d := step; d < time.Second && reflect.DeepEqual(s.served(), before); d += step {
		if s.runAndKill(d, "push-charms", "--allow-unsigned", path) {
			killed++
		}
		if testing.Short() { // fewer of them, and the first one early on a fast machine, too
			step *= 2
		}
	}
	if killed == 0 {
		t.Error("no push was killed")
	}
	s.mustRun("push-charms", "--allow-unsigned", path)
	if got := stable(s.served()); got["first"] != 1 || len(s.served().Charms) != 1 {
		t.Errorf("%v and %+v are served, want what was served before, and app", got, s.served().Charms)
	}
	s.mustRun("check", "--blobs")
	s.isClean()
}

// TestUnsignedBomb pushes a small file that would fill the disk when unpacked.
func TestUnsignedBomb(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it unpacks a gigabyte")
	}
	s := newSite(t)
	before := s.served()
	path := filepath.Join(s.tmp, "bomb.tar.gz")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewWriterLevel(f, gzip.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(z)
	err = w.WriteHeader(&tar.Header{Name: "app_20.charm", Mode: 0o644, Size: 8 << 30})
	for block := make([]byte, 1<<20); err == nil; {
		if at, _ := f.Seek(0, io.SeekCurrent); at > 1300<<10 { // more than a gigabyte of content
			break
		}
		_, err = w.Write(block)
	}
	if err == nil {
		err = z.Close()
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	s.isRefused(badInput{codes: []int{cli.Damaged}, says: []string{"times its size"}}, s.run("push-charms", "--allow-unsigned", path))
	s.serves(before)
	s.isClean()
}
