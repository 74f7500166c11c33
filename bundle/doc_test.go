package bundle_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/bundle"
)

func specification(t *testing.T) string {
	t.Helper()
	return string(readFile(t, "..", "docs", "bundle.md"))
}

// table returns the table whose first column has the name constant, and whose second has the name column, as a map.
func table(t *testing.T, doc, column string) map[string]string {
	t.Helper()
	_, rest, ok := strings.Cut(doc, "| constant | "+column+" |")
	if !ok {
		t.Fatalf("no table of constants with a column %q", column)
	}
	out := make(map[string]string)
	for _, line := range strings.Split(rest, "\n")[2:] {
		cells := strings.Split(line, "|")
		if len(cells) < 4 {
			break
		}
		out[strings.TrimSpace(cells[1])] = strings.Trim(cells[2], " `")
	}
	return out
}

// TestDocLimits compares the table of limits with the constants, and checks that no constant of limits.go is missing.
func TestDocLimits(t *testing.T) {
	t.Parallel()
	want := make(map[string]string)
	for name, n := range map[string]int64{
		"MaxIndexSize": bundle.MaxIndexSize, "MaxItems": bundle.MaxItems, "MaxIndexValues": bundle.MaxIndexValues, "MaxManifestSize": bundle.MaxManifestSize, "MaxImageSize": bundle.MaxImageSize, "MaxLayers": bundle.MaxLayers, "MaxImageValues": bundle.MaxImageValues,
		"MaxConfigSize": bundle.MaxConfigSize, "MaxAssertionSize": bundle.MaxAssertionSize, "MaxIconSize": bundle.MaxIconSize,
		"MaxEnvelopeSize": bundle.MaxEnvelopeSize, "MaxHeadSize": bundle.MaxHeadSize, "MaxBlobSize": bundle.MaxBlobSize, "MaxRefLength": bundle.MaxRefLength,
		"MaxParts": bundle.MaxParts, "MaxDivisionSize": bundle.MaxDivisionSize, "MaxDivisionValues": bundle.MaxDivisionValues,
	} {
		want[name] = strconv.FormatInt(n, 10)
	}
	if diff := cmp.Diff(table(t, specification(t), "value"), want); diff != "" {
		t.Errorf("limits (-docs/bundle.md +constants):\n%s", diff)
	}
	for _, name := range constants(t, "limits.go") {
		if _, ok := want[name]; !ok {
			t.Errorf("%s is in limits.go and not in this test", name)
		}
	}
}

func TestDocTypes(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"TypeBundle": bundle.TypeBundle, "TypeSignature": bundle.TypeSignature, "TypeSnap": bundle.TypeSnap, "TypeRevision": bundle.TypeRevision,
		"MediaSnapConfig": bundle.MediaSnapConfig, "MediaRevisionConfig": bundle.MediaRevisionConfig, "MediaSnapBlob": bundle.MediaSnapBlob,
		"MediaComponentBlob": bundle.MediaComponentBlob, "MediaIntegrityBlob": bundle.MediaIntegrityBlob, "MediaEnvelope": bundle.MediaEnvelope,
		"TypeCharm": bundle.TypeCharm, "TypeCharmRevision": bundle.TypeCharmRevision, "TypeCharmResource": bundle.TypeCharmResource,
		"MediaCharmConfig": bundle.MediaCharmConfig, "MediaCharmRevisionConfig": bundle.MediaCharmRevisionConfig,
		"MediaCharmResourceConfig": bundle.MediaCharmResourceConfig, "MediaCharmBlob": bundle.MediaCharmBlob,
		"MediaCharmResourceBlob": bundle.MediaCharmResourceBlob,
		"TypeAssertion":          bundle.TypeAssertion, "MediaAssertionConfig": bundle.MediaAssertionConfig,
		"TypeWithdrawal": bundle.TypeWithdrawal, "MediaWithdrawalConfig": bundle.MediaWithdrawalConfig,
		"TypeStore": bundle.TypeStore, "MediaStoreConfig": bundle.MediaStoreConfig,
		"TypeRepository": bundle.TypeRepository, "MediaRepositoryConfig": bundle.MediaRepositoryConfig,
	}
	doc := specification(t)
	if diff := cmp.Diff(table(t, doc, "media type or artifact type"), want); diff != "" {
		t.Errorf("types (-docs/bundle.md +constants):\n%s", diff)
	}
	for _, name := range constants(t, "bundle.go") {
		if _, ok := want[name]; !ok && (strings.HasPrefix(name, "Type") || strings.HasPrefix(name, "Media")) {
			t.Errorf("%s is in bundle.go and not in this test", name)
		}
	}
	for _, a := range []string{bundle.AnnotationFormat, bundle.AnnotationPublicKey, bundle.AnnotationSHA3384, bundle.AnnotationPart, bundle.AnnotationDivision} {
		if !strings.Contains(doc, "| `"+a+"` |") {
			t.Errorf("docs/bundle.md doesn't have the annotation %s", a)
		}
	}
	if version := strconv.Itoa(bundle.FormatMajor) + "." + strconv.Itoa(bundle.FormatMinor); !strings.HasPrefix(doc, "# The bundle format, version "+version+"\n") {
		t.Errorf("docs/bundle.md is not about version %s", version)
	}
}

// constants returns the names of the exported constants of a file.
func constants(t *testing.T, file string) []string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, d := range f.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.CONST {
			continue
		}
		for _, s := range g.Specs {
			for _, name := range s.(*ast.ValueSpec).Names {
				if name.IsExported() {
					out = append(out, name.Name)
				}
			}
		}
	}
	if len(out) == 0 {
		t.Fatalf("%s has no constants", file)
	}
	return out
}

// TestDocExamples shows that the examples are parts of the bundles in testdata, to the byte.
func TestDocExamples(t *testing.T) {
	t.Parallel()
	packed := append(readFile(t, "..", "testdata", "bundles", "v1.0.tar"), readFile(t, "..", "testdata", "bundles", "v1.1.tar")...)
	examples := regexp.MustCompile("(?s)```json\n(.*?)\n```").FindAllStringSubmatch(specification(t), -1)
	if len(examples) != 13 {
		t.Errorf("%d examples, want 13", len(examples))
	}
	for _, e := range examples {
		text := []byte(e[1])
		if !json.Valid(text) {
			t.Errorf("not JSON: %.80s", text)
		}
		if !bytes.Contains(packed, append(text, 0)) && !bytes.Contains(packed, []byte(base64.StdEncoding.EncodeToString(text))) {
			t.Errorf("not in the bundle: %.80s", text)
		}
	}
}
