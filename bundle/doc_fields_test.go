package bundle_test

import (
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/bundle"
	"offlinestore/charm"
	"offlinestore/image"
	"offlinestore/snap"
)

// docField is a field in a table of docs/bundle.md.
type docField struct{ path, typ string }

// docFields returns the fields in the table below the heading of a section.
func docFields(t *testing.T, heading string) (fields []docField) {
	t.Helper()
	_, rest, ok := strings.Cut(specification(t), heading)
	if !ok {
		t.Fatalf("no %s", heading)
	}
	rest, _, _ = strings.Cut(rest, "\n#")
	_, rest, _ = strings.Cut(rest, "| field | type |")
	for _, line := range strings.Split(rest, "\n")[2:] {
		cells := strings.Split(line, "|")
		if len(cells) < 4 {
			break
		}
		types := strings.Split(strings.TrimSpace(cells[2]), ";")
		prefix := ""
		for i, name := range strings.Split(strings.TrimSpace(cells[1]), ", ") {
			if relative, ok := strings.CutPrefix(name, "."); ok {
				name = prefix + relative
			} else if at := strings.LastIndex(name, "."); at > 0 {
				prefix = name[:at+1]
			}
			fields = append(fields, docField{name, types[min(i, len(types)-1)]})
		}
	}
	return fields
}

// TestDocFields compares the fields in the tables of the configs with the types of Go and with the required fields of the decoder.
func TestDocFields(t *testing.T) {
	t.Parallel()
	headings := regexp.MustCompile("### 5\\.[0-9]+ [^\n]*: `([^`]+)`").FindAllStringSubmatch(specification(t), -1)
	configs := map[string]any{
		bundle.MediaSnapConfig: snap.Listing{}, bundle.MediaRevisionConfig: snap.Item{},
		bundle.MediaCharmConfig: charm.Listing{}, bundle.MediaCharmRevisionConfig: charm.Item{}, bundle.MediaCharmResourceConfig: charm.ResourceItem{},
		bundle.MediaAssertionConfig: bundle.AssertionConfig{}, bundle.MediaWithdrawalConfig: bundle.WithdrawalConfig{},
		bundle.MediaStoreConfig: snap.Store{}, bundle.MediaRepositoryConfig: image.Repository{},
	}
	if len(headings) != len(configs) {
		t.Errorf("%d tables of configs, want %d", len(headings), len(configs))
	}
	for _, h := range headings {
		var required []string
		for _, f := range docFields(t, h[0]) {
			if regexp.MustCompile(`^(resources|further-resources|integrity)\[\]`).MatchString(f.path) && h[1] == bundle.MediaRevisionConfig {
				f.path = "revision." + f.path
			}
			if strings.Contains(f.typ, "required") {
				required = append(required, f.path)
			}
			got, ok := fieldAt(reflect.TypeOf(configs[h[1]]), f.path)
			if !ok {
				t.Errorf("%s: docs/bundle.md has %s, which the program does not read", h[1], f.path)
				continue
			}
			nilable := slices.Contains([]reflect.Kind{reflect.Pointer, reflect.Slice, reflect.Map}, got.Type.Kind())
			_, options, _ := strings.Cut(got.Tag.Get("json"), ",")
			null := nilable && options == "" && f.path != "revision.architectures" && f.path != "primary-key" && f.path != "images" // these may not be empty either
			if null != strings.Contains(f.typ, "or null") {
				t.Errorf("%s: %s is %s in docs/bundle.md, and the program accepts null: %t", h[1], f.path, f.typ, null)
			}
		}
		want := slices.Clone(bundle.ConfigFields[h[1]])
		slices.Sort(required)
		slices.Sort(want)
		if diff := cmp.Diff(required, []string(want)); diff != "" {
			t.Errorf("%s: required fields (-docs/bundle.md +program):\n%s", h[1], diff)
		}
	}
}

// fieldAt returns the field of a struct at a path in JSON.
func fieldAt(t reflect.Type, path string) (f reflect.StructField, ok bool) {
	for _, name := range strings.Split(strings.ReplaceAll(path, "[]", ""), ".") {
		for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
			t = t.Elem()
		}
		i := slices.IndexFunc(reflect.VisibleFields(t), func(f reflect.StructField) bool {
			got, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			return got == name
		})
		if i < 0 {
			return f, false
		}
		f = reflect.VisibleFields(t)[i]
		t = f.Type
	}
	return f, true
}
