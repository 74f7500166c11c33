//go:build unix

package importer_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"offlinestore/bundle"
	"offlinestore/internal/assertiontest"
	"offlinestore/internal/bundletest"
	"offlinestore/internal/canonicaltest"
	"offlinestore/internal/downloadtest"
)

// TestPushSnapsBounded pushes archives and folders that would keep an honest reader busy.
func TestPushSnapsBounded(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	d := downloadtest.New(t, assertiontest.NewStack(t), "jq", 6, amd64YAML)
	members := []canonicaltest.Member{{"jq", string(d.Blob)}, {"assert", string(d.Stream())}}
	many := members
	for i := range 5000 {
		many = append(many, canonicaltest.Member{fmt.Sprint("x", i), ""})
	}
	nested := canonicaltest.TarGz(t, members...)
	for range 3 {
		nested = canonicaltest.TarGz(t, canonicaltest.Member{"1", nested}, members[0], members[1])
	}
	values := append(members[:2:2], canonicaltest.Member{"m", "[" + strings.Repeat("[],", 300_000) + "[]]"})
	zeros := append(members[:2:2], canonicaltest.Member{"z", "hsqs" + strings.Repeat("\x00", 64<<20)})
	link := canonicaltest.Tar(t, members...)
	for name, content := range map[string]string{
		"many files": canonicaltest.TarGz(t, many...), "archives in archives": nested, "JSON of many values": canonicaltest.TarGz(t, values...),
		"zeros": canonicaltest.TarGz(t, zeros...), "cut off": link[:len(link)-1500], "more at the end": canonicaltest.Gzip(t, link+"x"),
	} {
		if f := s.pushFiles(nil, write(t, t.TempDir(), "archive", []byte(content)))[0]; f.Err == nil || s.state() != "" {
			t.Errorf("%s: %v, served %q", name, f.Err, s.state())
		}
	}
	packed := bundletest.New(t, 1).Add("jq", 1, 100).Tar(bundle.None)
	dir := t.TempDir()
	write(t, dir, "bundle.tar", packed)
	write(t, dir, "jq", d.Blob)
	write(t, dir, "assert", d.Stream())
	if f := s.pushFiles(nil, dir)[0]; f.Err == nil || s.state() != "" {
		t.Errorf("a bundle in a folder: %v, served %q", f.Err, s.state())
	}
	must(t, os.Remove(filepath.Join(dir, "bundle.tar")))
	must(t, syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600))
	must(t, os.Symlink("/nonexistent", filepath.Join(dir, "link")))
	must(t, os.MkdirAll(filepath.Join(dir, "deep", "deeper"), 0o700))
	for _, foreign := range []string{"lost+found", "System Volume Information"} {
		must(t, os.Mkdir(filepath.Join(dir, foreign), 0o700))
		write(t, filepath.Join(dir, foreign), "x", []byte("hsqs"))
	}
	write(t, filepath.Join(dir, "deep", "deeper"), "x", []byte("hsqs"))
	s.expect(s.pushFiles(nil, dir), "jq 6 latest/stable/amd64=6")
}
