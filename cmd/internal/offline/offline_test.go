//go:build unix

package offline_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"offlinestore/catalog"
	"offlinestore/cmd/internal/offline"
	"offlinestore/cmd/internal/online"
	"offlinestore/exporter"
)

// describe returns the items of a plan in one line each.
func describe(list []offline.Item) (out []string) {
	for _, i := range list {
		out = append(out, fmt.Sprintf("%s %s %s %d %v %s", i.Name, i.Channel, i.Architecture, i.Revision, i.Override, i.Reason))
	}
	return out
}

func jq(channel string) exporter.Package {
	return exporter.Package{Name: "jq", Channels: []string{channel}}
}

// TestStep goes offline with the content of the cache, while upstream is away.
func TestStep(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.give(jq("stable"), jq("edge"), exporter.Package{Name: "hello", Channels: []string{"2.0/stable"}})
	s.down.Store(true)
	plan := s.plan()
	want := []string{"hello 2.0/stable amd64 38 false ", "jq latest/edge amd64 8 false ", "jq latest/stable amd64 6 false "}
	if got := describe(plan.Kept); !slices.Equal(got, want) || len(plan.Lost) > 0 {
		t.Fatalf("Plan = %q, lost %q, want %q", got, describe(plan.Lost), want)
	}
	before := len(s.Requests())
	done, err := s.take()
	s.must(err)
	if n := s.Count("/api/v1/snaps/download/") + s.Count("/download-origin/"); before != len(s.Requests()) {
		t.Errorf("upstream was asked %d times more, %d downloads in all", len(s.Requests())-before, n)
	}
	if done.Report == nil || len(done.Report.SnapRevisions) != 3 {
		t.Fatalf("Report = %+v, want 3 revisions", done.Report)
	}
	cat, err := s.in.Catalog.LoadSnapshot(t.Context())
	s.must(err)
	s.sameFiles(cat)
	if cat.Imports != 1 {
		t.Errorf("%d imports, want 1", cat.Imports)
	}
	var rows []string
	for _, one := range cat.Snaps {
		for _, row := range one.ChannelMap {
			rows = append(rows, fmt.Sprint(one.Name, " ", row.Channel, " ", row.Revision))
		}
	}
	if want := []string{"hello 2.0/stable 38", "jq latest/edge 8", "jq latest/stable 6"}; !slices.Equal(rows, want) {
		t.Errorf("the channels are %q, want %q", rows, want)
	}
	// The same step again changes nothing.
	if done, err = s.take(); err != nil || !done.Report.IsEmpty() {
		t.Errorf("again: %+v, %v", done.Report, err)
	}
}

// sameFiles checks that the blobs of the catalogue are the files of the cache, and take no more space.
func (s *site) sameFiles(cat *catalog.Snapshot) {
	s.Helper()
	_, dir, err := online.OpenCache(s.in.Dir, s.in.Settings, true)
	s.must(err)
	for _, one := range cat.Snaps {
		for _, r := range one.Revisions {
			path, err := dir.Path(r.Blob)
			s.must(err)
			info, err := os.Stat(path)
			s.must(err)
			if n := info.Sys().(*syscall.Stat_t).Nlink; n != 2 {
				s.Errorf("%s revision %d: its file has %d names, want 2", one.Name, r.Number, n)
			}
		}
	}
}

// TestLost plans with files that are gone or damaged, and with assertions that nobody has.
func TestLost(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.give(jq("stable"), jq("edge"), exporter.Package{Name: "hello", Channels: []string{"2.0/stable"}})
	s.down.Store(true)
	files, dir, err := online.OpenCache(s.in.Dir, s.in.Settings, false)
	s.must(err)
	list, err := files.List()
	s.must(err)
	for _, e := range list {
		switch {
		case strings.HasSuffix(e.Name, "_6.snap"):
			s.must(files.Drop(e.Digest))
		case strings.HasSuffix(e.Name, "_8.snap"):
			path, err := dir.Path(e.SHA256)
			s.must(err)
			s.must(os.Truncate(path, e.Size-1))
			s.must(os.Truncate(path, e.Size))
		}
	}
	s.must(files.Close())
	plan := s.plan()
	if got, want := describe(plan.Kept), []string{"hello 2.0/stable amd64 38 false "}; !slices.Equal(got, want) {
		t.Errorf("Kept = %q, want %q", got, want)
	}
	want := []string{"jq latest/edge amd64 8 false its file in the cache is damaged", "jq latest/stable amd64 6 false its file is not in the cache any more"}
	if got := describe(plan.Lost); !slices.Equal(got, want) {
		t.Errorf("Lost = %q, want %q", got, want)
	}
	s.must(os.RemoveAll(s.in.Dir.AnswersPath()))
	if plan = s.plan(); len(plan.Kept) > 0 || len(plan.Lost) != 3 {
		t.Errorf("without assertions, %q are kept and %q lost", describe(plan.Kept), describe(plan.Lost))
	}
	if done, err := s.take(); err != nil || done.Report != nil {
		t.Errorf("Take() = %+v, %v, want nothing", done, err)
	}
	if _, err := os.Stat(filepath.Join(string(s.in.Dir), ".going-offline")); err == nil {
		t.Error("the folder for the work is left")
	}
}
