package upstreamtest

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// CharmFiles holds the files in the archive of a charm or of a charm bundle. Missing ones are made up, except Config and Actions, which
// charms need not have.
type CharmFiles struct {
	Metadata, Config, Actions string
	// Bases are the bases in manifest.yaml and in answers.
	Bases []Base
	// Manifest is manifest.yaml if it isn't to be made of Bases; "-" leaves it out.
	Manifest string
	// Bundle is bundle.yaml, which makes the archive one of a bundle.
	Bundle, Readme string
	// Files are further files, by path.
	Files map[string]string
	// Payload is the number of incompressible bytes to add.
	Payload int64
}

func (f *CharmFiles) complete(e *charmEntry) {
	if e.Type == "bundle" {
		if f.Bundle == "" {
			f.Bundle = "applications:\n"
			for _, c := range e.Contains {
				f.Bundle += fmt.Sprintf("  %s:\n    charm: %s\n", c, c)
			}
		}
		return
	}
	if f.Metadata == "" {
		f.Metadata = fmt.Sprintf("name: %s\nsummary: %s\ndescription: |\n  %s\n", e.Name, e.Summary, cmpOr(e.Description, e.Summary+"."))
	}
	if f.Bases == nil {
		f.Bases = []Base{Ubuntu("22.04", "amd64")}
	}
}

// MakeArchive makes the zip of a charm, or of a bundle if it has a Bundle. The same files give the same bytes.
func MakeArchive(f CharmFiles) []byte {
	files := maps.Clone(f.Files)
	if files == nil {
		files = map[string]string{}
	}
	put := func(name, text string) {
		if _, ok := files[name]; !ok && text != "" {
			files[name] = text
		}
	}
	if f.Bundle != "" {
		put("bundle.yaml", f.Bundle)
		put("README.md", cmpOr(f.Readme, "# A bundle of the simulated store\n"))
	} else {
		put("metadata.yaml", f.Metadata)
		put("config.yaml", f.Config)
		put("actions.yaml", f.Actions)
		put("README.md", f.Readme)
		put("dispatch", "#!/bin/sh\nexec ./src/charm.py\n")
		if f.Manifest != "-" {
			put("manifest.yaml", cmpOr(f.Manifest, manifestYAML(f.Bases)))
		}
	}
	if f.Payload > 0 {
		var b strings.Builder
		r, err := Random(f.Metadata+f.Bundle, f.Payload)()
		if err == nil {
			_, err = io.Copy(&b, r)
		}
		if err != nil {
			panic(err) // it is made in memory
		}
		put("venv/payload", b.String())
	}
	return zipOf(files)
}

func zipOf(files map[string]string) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		h := &zip.FileHeader{Name: name, Method: zip.Deflate}
		h.SetMode(0o755)
		f, err := w.CreateHeader(h)
		if err == nil {
			_, err = io.WriteString(f, files[name])
		}
		if err != nil {
			panic(err) // a buffer accepts everything
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// manifestYAML lists bases as charmcraft does: each with all of its architectures by name, because Juju 3 refuses an "all" in an archive.
func manifestYAML(bases []Base) string {
	var b strings.Builder
	b.WriteString("analysis:\n  attributes:\n  - name: language\n    result: python\n  - name: framework\n    result: operator\nbases:\n")
	var done []Base
	for _, base := range bases {
		of := Base{Name: base.Name, Channel: base.Channel}
		if slices.Contains(done, of) {
			continue
		}
		done = append(done, of)
		fmt.Fprintf(&b, "- architectures:\n")
		for _, other := range bases {
			if other.Name != base.Name || other.Channel != base.Channel {
				continue
			}
			archs := []string{other.Architecture}
			if other.Architecture == "all" {
				archs = []string{"amd64", "arm64", "ppc64el", "s390x"}
			}
			for _, arch := range archs {
				fmt.Fprintf(&b, "  - %s\n", arch)
			}
		}
		fmt.Fprintf(&b, "  channel: '%s'\n  name: %s\n", base.Channel, base.Name)
	}
	b.WriteString("charmcraft-started-at: '2024-03-01T09:00:00.000000Z'\ncharmcraft-version: 2.5.4\n")
	return b.String()
}

// ImageBlob is the content of a resource that is an image: its location, and the credentials to pull it.
type ImageBlob struct{ Ref, Username, Password string }

// JSON returns the blob in Charmhub's form.
func (i *ImageBlob) JSON() []byte {
	b, err := json.Marshal(map[string]string{"ImageName": i.Ref, "Username": i.Username, "Password": i.Password})
	if err != nil {
		panic(err) // strings can always be encoded
	}
	return b
}
