package bundle_test

import (
	"archive/tar"
	"bytes"
	"crypto"
	"encoding/json"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"offlinestore/internal/assertiontest"
	"offlinestore/internal/vectortest"
)

// flaw describes a vector: a good bundle and one change.
type flaw struct {
	name, shows string
	// base makes the good bundle. The default is a charm bundle with the name kit.
	base func(testing.TB) *content
	// edit changes the bundle before it is packed, plain changes the tar, and frame makes the file from the tar.
	edit  func(*forge)
	plain func([]byte) []byte
	frame func(*testing.T, []byte) []byte
	// framing has the default tar+zstd.
	framing string
	// files changes a layout directory.
	files func(vectorFiles)
	// key signs the bundle. The default is testKey.
	key crypto.Signer
	// keys are trusted. The default is keys/test.pem.
	keys []string
	// format has the default 1.1, or 1.0 if the base is a snap.
	format string
	// result has the default corrupt.
	result string
	step   int
	// damaged is set if the last blob is damaged. resource is set if the blob of that resource is damaged.
	damaged  bool
	resource string
}

// vectorFiles maps paths in testdata to contents. The content of a symbolic link is its target after "-> ".
type vectorFiles map[string][]byte

const vectorLink = "-> "

var extensions = map[string]string{"directory": "", "files": "", "tar": ".tar", "tar+gzip": ".tar.gz", "tar+zstd": ".tar.zst", "none": ""}

// make adds the vector to the index and its files to files.
func (w *flaw) make(t *testing.T, dir string, index *vectortest.Index, files vectorFiles) {
	t.Helper()
	if w.base == nil {
		w.base = kitVector
	}
	if w.key == nil {
		w.key = testKey()
	}
	v := vectortest.Bundle{Shows: w.shows, Framing: w.framing, Result: w.result, Step: w.step, Format: w.format, Keys: w.keys}
	if v.Keys == nil {
		v.Keys = []string{"keys/test.pem"}
	}
	if v.Framing == "" {
		v.Framing = "tar+zstd"
	}
	if v.Result == "" {
		v.Result = vectortest.Corrupt
	}
	f := w.base(t).forge()
	if w.edit != nil {
		w.edit(f)
	}
	sealed := f.seal(w.key)
	if v.Format == "" && v.Framing != "none" {
		v.Format = f.format
	}
	if w.damaged {
		v.Damaged = []string{"sha256:" + path.Base(sealed[len(sealed)-1].name)}
	}
	if w.resource != "" {
		v.Damaged = []string{"sha256:" + sha(f.find(w.resource).layers[0].data)}
	}
	plain := tarOf(sealed)
	if v.Result == vectortest.UnknownSigner {
		v.Signer = publicOf(t, w.key).ID()
	}
	if v.Result == vectortest.Valid {
		describeVector(t, &v, plain)
	}
	v.Path = dir + "/" + w.name + extensions[v.Framing]
	w.write(t, &v, plain, files)
	index.Bundles = append(index.Bundles, v)
}

func (w *flaw) write(t *testing.T, v *vectortest.Bundle, plain []byte, files vectorFiles) {
	t.Helper()
	if w.plain != nil {
		plain = w.plain(plain)
	}
	switch {
	case w.frame != nil:
		files[v.Path] = w.frame(t, plain)
	case v.Framing == "directory":
		layout := untar(t, plain)
		if w.files != nil {
			w.files(layout)
		}
		for name, data := range layout {
			files[v.Path+"/"+name] = data
		}
	case v.Framing == "files":
		folder := inspectionOf(t, plain)
		if w.files != nil {
			w.files(folder)
		}
		for name, data := range folder {
			files[v.Path+"/"+name] = data
		}
	case v.Framing == "tar+gzip":
		files[v.Path] = gzipOf(plain)
	case v.Framing == "tar+zstd":
		files[v.Path] = zstdOf(t, plain, zstd.WithEncoderLevel(zstd.SpeedBestCompression))
	default:
		files[v.Path] = plain
	}
}

// untar returns the files of an archive.
func untar(t *testing.T, plain []byte) vectorFiles {
	t.Helper()
	out := make(vectorFiles)
	for r := tar.NewReader(bytes.NewReader(plain)); ; {
		h, err := r.Next()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			out[h.Name] = data
		}
	}
}

// describeVector describes a valid bundle in the index, without package bundle.
func describeVector(t *testing.T, v *vectortest.Bundle, plain []byte) {
	t.Helper()
	files := untar(t, plain)
	parse := func(name string, to any) {
		if err := json.Unmarshal(files[name], to); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	blob := func(d ociDescriptor) string { return "blobs/sha256/" + strings.TrimPrefix(d.Digest, "sha256:") }
	var index ociIndex
	parse("index.json", &index)
	v.Format, v.Digest = index.Annotations["vnd.offlinestore.bundle.format"], index.Manifests[0].Digest
	var signature ociManifest
	parse(blob(index.Manifests[1]), &signature)
	head := []string{"oci-layout", "index.json", blob(index.Manifests[0]), blob(index.Manifests[1]), blob(signature.Config), blob(signature.Layers[0])}
	if division, ok := index.Annotations["vnd.offlinestore.division"]; ok {
		head = append(head, blob(ociDescriptor{Digest: division}))
	}
	for _, d := range index.Manifests[2:] {
		v.Items = append(v.Items, d.Annotations["org.opencontainers.image.ref.name"])
		head = append(head, blob(d))
		var m ociManifest
		if parse(blob(d), &m); d.ArtifactType == "" {
			continue
		}
		head = append(head, blob(m.Config))
		for _, l := range m.Layers {
			if l.MediaType == "application/x.ubuntu.assertion" || strings.HasPrefix(l.MediaType, "image/") {
				head = append(head, blob(l))
			}
		}
	}
	for r := tar.NewReader(bytes.NewReader(plain)); ; {
		h, err := r.Next()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg && !slices.Contains(head, h.Name) {
			v.Payload = append(v.Payload, "sha256:"+path.Base(h.Name))
		}
	}
}

// addReleased adds the bundles of the released versions. Their archives are never made anew. Their directories are derived from
// the archives.
func addReleased(t *testing.T, index *vectortest.Index, files vectorFiles) {
	t.Helper()
	for _, version := range []string{"v1.0", "v1.1", "v1.2", "v1.4"} {
		plain := readFile(t, vectortest.File("bundles/"+version+".tar"))
		for _, framing := range []string{"tar", "tar+gzip", "tar+zstd", "directory"} {
			v := vectortest.Bundle{Path: "bundles/" + version + extensions[framing], Framing: framing, Keys: []string{"keys/" + version + ".pem"}, Result: vectortest.Valid}
			v.Shows = map[string]string{"v1.0": "A snap with a component.", "v1.1": "Two charms and a charm bundle with their resources and images.",
				"v1.2": "Releases for devices with data of two epochs, assertions that no snap leads to, and withdrawals.",
				"v1.4": "Images that belong to no charm: with a tag and a signature, without a tag, and in two repositories."}[version]
			describeVector(t, &v, plain)
			index.Bundles = append(index.Bundles, v)
		}
		for name, data := range untar(t, plain) {
			files["bundles/"+version+"/"+name] = data
		}
	}
}

// makeVectors returns all generated files of testdata, including the index.
func makeVectors(t *testing.T) vectorFiles {
	t.Helper()
	stack := assertiontest.NewStack(t)
	files := vectorFiles{"keys/test.pem": publicOf(t, testKey()).PEM(), "keys/roots.assert": stack.RootStream()}
	index := &vectortest.Index{Roots: "keys/roots.assert"}
	addReleased(t, index, files)
	for _, w := range validVectors(t, files) {
		w.make(t, "valid", index, files)
	}
	for _, w := range slices.Concat(framingFlaws(), tarFlaws(), topFlaws(), signatureFlaws(t), indexFlaws(), itemFlaws(), snapFlaws(t), charmFlaws(t), imageFlaws(t), extraFlaws(t), storeFlaws(t), repositoryFlaws(t), additionsFlaws(t), grammarFlaws(), imageGrammarFlaws(), statementFlaws(), incrementFlaws(), partFlaws(), streamFlaws(), directoryFlaws(), inspectionFlaws()) {
		w.make(t, "hostile", index, files)
	}
	addStreams(t, stack, index, files)
	addKeys(t, index, files)
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "\t")
	if err := e.Encode(index); err != nil {
		t.Fatal(err)
	}
	files["index.json"] = out.Bytes()
	return files
}

// hidden reports whether a vector has a symbolic link, and this system makes none. Wine shows them as the files that they lead to.
func hidden(name string) bool {
	return runtime.GOOS == "windows" && strings.HasPrefix(name, "hostile/dir-symlink")
}

// kept reports whether a file of testdata is not generated here.
func kept(name string) bool {
	return name == "README.md" || strings.HasPrefix(name, "reader/") || name == ".gitattributes" || path.Dir(name) == "bundles" || path.Dir(name) == "keys" && strings.HasPrefix(path.Base(name), "v")
}

// TestVectorsAreMade makes the vectors again and compares them with testdata.
func TestVectorsAreMade(t *testing.T) {
	t.Parallel()
	want := makeVectors(t)
	root := vectortest.File("")
	if *update {
		want.replace(t, root)
	}
	err := filepath.WalkDir(root, func(file string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		name, err := filepath.Rel(root, file)
		if name = filepath.ToSlash(name); err != nil || kept(name) || hidden(name) {
			return err
		}
		got, err := readVectorFile(file, e)
		if err != nil {
			return err
		}
		if w, ok := want[name]; !ok {
			t.Errorf("%s is no vector", name)
		} else if !sameVector(got, w) {
			t.Errorf("%s is another than is made: use -update, and look at the change:\n%s", name, cmp.Diff(string(got), string(w)))
		}
		delete(want, name)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name := range want {
		if hidden(name) {
			continue
		}
		t.Errorf("%s is missing: use -update", name)
	}
}
