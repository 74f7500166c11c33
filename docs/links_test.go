package docs_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"offlinestore/docs"
)

// pageMention matches a path of a page, as comments, messages and documents write it.
var pageMention = regexp.MustCompile(`\bdocs/([a-z-]+\.md)\b(?:#([a-z0-9-]+))?`)

// TestMentionedPagesExist searches all text in the repository, since code and messages name pages, too.
func TestMentionedPagesExist(t *testing.T) {
	t.Parallel()
	all, mentions := pages(t), 0
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := entry.Name(); entry.IsDir() && path != ".." && (strings.HasPrefix(name, ".") || name == "bin" || name == "dist") {
			return filepath.SkipDir
		}
		if info, err := entry.Info(); err != nil || !info.Mode().IsRegular() || info.Size() > 1<<20 {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, m := range pageMention.FindAllStringSubmatch(string(text), -1) {
			mentions++
			page, ok := all[strings.TrimSuffix(m[1], ".md")]
			if !ok {
				t.Errorf("%s names %s, which is no page", path, m[0])
			}
			if m[2] != "" && !strings.Contains(string(page.HTML), ` id="`+m[2]+`"`) {
				t.Errorf("%s names %s, which is no heading", path, m[0])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if mentions < 20 {
		t.Errorf("%d mentions of pages were found", mentions)
	}
}

// TestPagesAreListed compares the lists of pages in README.md and docs/operating.md with the files.
func TestPagesAreListed(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	guide, err := fs.ReadFile(docs.Files(), "operating.md")
	if err != nil {
		t.Fatal(err)
	}
	for name := range pages(t) {
		if link := "](docs/" + name + ".md)"; !strings.Contains(string(readme), link) {
			t.Errorf("README.md does not link to docs/%s.md", name)
		}
		if link := "](" + name + ".md)"; name != "operating" && !strings.Contains(string(guide), link) {
			t.Errorf("docs/operating.md does not link to %s.md", name)
		}
	}
}
