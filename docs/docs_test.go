package docs_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"offlinestore/docs"
)

func pages(t *testing.T) map[string]docs.Page {
	t.Helper()
	list, err := docs.Pages()
	if err != nil {
		t.Fatal(err)
	}
	byName := make(map[string]docs.Page)
	for _, p := range list {
		byName[p.Name] = p
	}
	return byName
}

func TestAllFilesArePages(t *testing.T) {
	t.Parallel()
	names, err := fs.Glob(docs.Files(), "*.md")
	if err != nil {
		t.Fatal(err)
	}
	got := pages(t)
	if len(names) < 4 || len(got) != len(names) {
		t.Errorf("%d pages of %d files", len(got), len(names))
	}
	for name, p := range got {
		if p.Title == "" || p.Title == name || !strings.HasPrefix(string(p.HTML), "<h1 id=") {
			t.Errorf("%s: title %q, HTML begins %.40q, want a heading first", name, p.Title, p.HTML)
		}
	}
	if got, want := got["charms"].Title, "Charms: from export to juju deploy"; got != want {
		t.Errorf("title %q, want %q", got, want)
	}
}

func TestRendering(t *testing.T) {
	t.Parallel()
	operating := string(pages(t)["operating"].HTML)
	for _, want := range []string{"<table>", `<a href="security">docs/security.md</a> says who is`, `<h2 id="exit-codes">`, "<code>--help</code>"} {
		if !strings.Contains(operating, want) {
			t.Errorf("operating.md lacks %s", want)
		}
	}
}

// contents matches the table of contents of an HTML page: everything from the start of its list to the first section.
var contents = regexp.MustCompile(`(?s)<ul class="contents">\n(.*?)<h2 `)

func TestContents(t *testing.T) {
	t.Parallel()
	heading := regexp.MustCompile(`(?s)<h[23] id="([^"]+)">(.*?)</h[23]>`)
	entry := regexp.MustCompile(`(?s)<a href="#([^"]+)">(.*?)</a>`)
	link := regexp.MustCompile(`</?a[^>]*>`)
	for name, p := range pages(t) {
		html := string(p.HTML)
		found := contents.FindAllStringSubmatch(html, -1)
		if len(found) != 1 {
			t.Errorf("%s.md: %d tables of contents, want one", name, len(found))
			continue
		}
		var got, want []string
		for _, m := range entry.FindAllStringSubmatch(found[0][1], -1) {
			got = append(got, m[1]+": "+m[2])
		}
		for _, m := range heading.FindAllStringSubmatch(html, -1) {
			want = append(want, m[1]+": "+link.ReplaceAllString(m[2], ""))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s.md: table of contents %q, want the headings %q", name, got, want)
		}
	}
}

func TestSubsectionsAreNested(t *testing.T) {
	t.Parallel()
	got := contents.FindString(string(pages(t)["bundle"].HTML))
	want := `<li><a href="#4-the-files">4. The files</a>
<ul>
<li><a href="#41-oci-layout">4.1 oci-layout</a></li>
`
	if !strings.Contains(got, want) {
		t.Errorf("contents of bundle.md: %s\nwant in it: %s", got, want)
	}
}

// TestLinksLeadSomewhere checks the links in the pages that a store serves. A link may work in a checkout but not on a host without
// internet.
func TestLinksLeadSomewhere(t *testing.T) {
	t.Parallel()
	href := regexp.MustCompile(`<a href="([^"#]*)(?:#([^"]*))?"`)
	all := pages(t)
	checked := 0
	for name, p := range all {
		for _, m := range href.FindAllStringSubmatch(string(p.HTML), -1) {
			to, anchor := strings.TrimSuffix(m[1], ".md"), m[2]
			if strings.HasPrefix(to, "https://") {
				continue
			}
			checked++
			target, ok := all[to]
			if to == "" {
				target, ok = p, true
			}
			if _, err := fs.Stat(docs.Files(), m[1]); err == nil {
				ok = true
			}
			if !ok {
				t.Errorf("%s.md links to %q, which is no page", name, m[0])
			}
			if anchor != "" && !strings.Contains(string(target.HTML), ` id="`+anchor+`"`) {
				t.Errorf("%s.md links to %q, which is no heading", name, m[0])
			}
		}
	}
	if checked == 0 {
		t.Error("no links were found")
	}
}

// TestArchitectureNamesFiles checks that every file and folder of the code
// that the page names exists.
func TestArchitectureNamesFiles(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile("`([a-z-]+(?:/[a-z_-]+)*/[a-z_-]+(?:\\.go)?)`").FindAllStringSubmatch(string(text), -1)
	if len(names) < 30 {
		t.Fatalf("found %d names of files, want at least 30", len(names))
	}
	for _, n := range names {
		if _, err := os.Stat(filepath.Join("..", n[1])); err != nil {
			t.Errorf("architecture.md names %s: %v", n[1], err)
		}
	}
}
