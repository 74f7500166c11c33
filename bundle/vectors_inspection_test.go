package bundle_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"offlinestore/bundle"
	"offlinestore/internal/vectortest"
)

// inspectionOf returns the files of a bundle in a directory for inspection. The program writes them; the second reader has rules of its own.
func inspectionOf(t *testing.T, plain []byte) vectorFiles {
	t.Helper()
	r, err := bundle.NewReader("vector", bytes.NewReader(plain))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, _, err := r.VerifyUnsafe(t.Context()); err != nil {
		t.Fatal(err)
	}
	s, err := r.Sealed()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "files")
	if err := s.WriteFiles(t.Context(), dir, r.OpenNext, nil); err != nil {
		t.Fatal(err)
	}
	out := make(vectorFiles)
	err = fs.WalkDir(os.DirFS(dir), ".", func(name string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			out[name], err = os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// inspectionVectors returns good directories for inspection.
func inspectionVectors() []flaw {
	return []flaw{
		{name: "files-kit", shows: "A charm bundle in a directory for inspection.", framing: "files", result: vectortest.Valid},
		{name: "files-pg", shows: "A charm with a file and an image in a directory for inspection.", framing: "files", base: pgVector, result: vectortest.Valid},
		{name: "files-jq", shows: "A snap in a directory for inspection.", framing: "files", base: snapVector, result: vectortest.Valid},
		{name: "files-names", shows: "Integrity data has names that are shortened, in a directory for inspection.", framing: "files", base: richVector, result: vectortest.Valid},
		{name: "files-increment", shows: "A blob is left out of a directory for inspection.", framing: "files", base: pgVector, result: vectortest.Valid,
			edit: leaveOut(`"expects":["BLOB"],"increment":{"basis":"assumption","receiver":"x"}`)},
		{name: "files-dot-files", shows: "A reader of a directory for inspection passes over names that begin with a dot.", framing: "files", result: vectortest.Valid, files: func(f vectorFiles) {
			f[".DS_Store"], f["charms/._x"], f["System Volume Information/x"] = []byte("x"), []byte("x"), []byte("x")
		}},
	}
}

// inspectionFlaws returns directories for inspection that were changed after they were written.
func inspectionFlaws() []flaw {
	const charm = "charms/pg_9.charm"
	flip := func(name string) func(vectorFiles) {
		return func(f vectorFiles) {
			f[name] = slices.Clone(f[name])
			f[name][len(f[name])-20] ^= 1
		}
	}
	list := []flaw{
		{name: "files-no-index", shows: "index/index.json is missing.", step: 2, files: func(f vectorFiles) { delete(f, "index/index.json") }},
		{name: "files-no-layout", shows: "index/oci-layout is missing.", result: vectortest.NotBundle, step: 1, files: func(f vectorFiles) { delete(f, "index/oci-layout") }},
		{name: "files-two-layouts", shows: "There is an oci-layout beside the folder index.", step: 2, files: func(f vectorFiles) { f["oci-layout"] = f["index/oci-layout"] }},
		{name: "files-missing-sums", shows: "SHA256SUMS is missing.", step: 12, files: func(f vectorFiles) { delete(f, "SHA256SUMS") }},
		{name: "files-altered-sums", shows: "A bit of SHA256SUMS is flipped.", step: 12, files: flip("SHA256SUMS")},
		{name: "files-altered-images", shows: "A bit of the index of the layout of images is flipped.", step: 12, files: flip("images/index.json")},
		{name: "files-altered-blob", shows: "A bit of a charm is flipped.", step: 11, files: flip(charm), result: vectortest.DamagedBlob},
		{name: "files-other-name", shows: "A charm has another name.", step: 11, result: vectortest.DamagedBlob, files: func(f vectorFiles) {
			f["charms/pg.charm"] = f[charm]
			delete(f, charm)
		}},
		{name: "files-upper-case", shows: "A charm has a name in upper case.", step: 11, result: vectortest.DamagedBlob, files: func(f vectorFiles) {
			f[strings.ToUpper(charm)] = f[charm]
			delete(f, charm)
		}},
		{name: "files-extra", shows: "A file that the bundle does not name.", step: 12, files: func(f vectorFiles) { f["charms/x.charm"] = []byte("x") }},
		{name: "files-blob-in-index", shows: "A blob of the payload is in the folder index, too.", step: 12, files: func(f vectorFiles) { f["index/blobs/sha256/"+sha(f[charm])] = f[charm] }},
		{name: "dir-symlink-files", shows: "A symbolic link stands in the place of a charm, and leads to its content.", step: 11, result: vectortest.DamagedBlob, files: func(f vectorFiles) {
			f[".moved"] = f[charm]
			f[charm] = []byte(vectorLink + "../.moved")
		}},
	}
	for i := range list {
		list[i].framing, list[i].base = "files", pgVector
		if list[i].result == vectortest.DamagedBlob {
			list[i].resource = "charm.pg_9"
		}
	}
	return list
}
