package importer_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/opencontainers/go-digest"

	"offlinestore/bundle"
	"offlinestore/importer"
	"offlinestore/internal/bundletest"
)

// week is a bundle of a series of increments.
type week struct {
	packed  []byte
	carried bundle.Carried
	// brings are the blobs that the bundle does not leave out.
	brings []digest.Digest
}

// weeks returns increments: each has the snaps core and tool, tool is new every week, and core in the first one only. From the third one on,
// the revision of the week before is there, too, and left out.
func weeks(t *testing.T, n int) (list []week) {
	t.Helper()
	core := digest.Digest("")
	for i := range n {
		b := bundletest.New(t, i+1).Add("core", 1, 300).Add("tool", i+1, 200)
		b.Predicate.Sequence = uint64(i + 1)
		core = b.Revisions[0].Blob.Digest
		tool := b.Revisions[1].Blob.Digest
		w := week{brings: []digest.Digest{tool}}
		in := &bundle.Increment{Receiver: "ship-7"}
		if i > 0 {
			before := list[i-1].brings[len(list[i-1].brings)-1]
			b.AddRevisionWith("tool", i, b.Blob(fmt.Sprintf("tool_%d", i), 200))
			b.Predicate.Expects = []digest.Digest{core, before}
			slices.Sort(b.Predicate.Expects)
			in.Basis = bundle.Assumption
			position := func(d digest.Digest) []int { return []int{slices.Index(b.Predicate.Expects, d)} }
			first, last := list[0].carried, list[i-1].carried
			first.Blobs, last.Blobs = position(core), position(before)
			in.Carried = []bundle.Carried{first, last}
			if i == 1 {
				first.Blobs = []int{0, 1}
				in.Carried = []bundle.Carried{first}
			}
		} else {
			w.brings = []digest.Digest{core, tool}
		}
		b.Predicate.Increment = in
		w.packed = b.Tar(bundle.None)
		w.carried = bundle.Carried{Bundle: indexOf(t, w.packed), Created: b.Predicate.Created, Sequence: uint64(i + 1), File: fmt.Sprintf("week%d.tar", i+1)}
		list = append(list, w)
	}
	return list
}

func indexOf(t *testing.T, packed []byte) digest.Digest {
	t.Helper()
	path := write(t, t.TempDir(), "x.tar", packed)
	r, err := bundle.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	return r.Digest()
}

// TestIncrements pushes a series of increments in its order.
func TestIncrements(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, w := range weeks(t, 4) {
		s.mustPush(w.packed)
	}
	if got := channelMap(s.served(), "tool")["latest/stable"]; got != 4 {
		t.Errorf("latest/stable is revision %d, want 4", got)
	}
	s.mustPush(weeks(t, 4)[3].packed) // twice
}

// TestIncrementsTogether pushes them in one command, in another order.
func TestIncrementsTogether(t *testing.T) {
	t.Parallel()
	for _, force := range []bool{false, true} {
		s := newSite(t)
		dir := t.TempDir()
		var paths []string
		for i, w := range weeks(t, 4) {
			paths = append(paths, write(t, dir, fmt.Sprint(i), w.packed))
		}
		b, _ := s.batch(paths[3], paths[0], paths[2], paths[1])
		b.PushChannelMap = force
		must(t, b.Plan(t.Context()))
		b.Run(t.Context())
		for _, f := range b.Files {
			if f.Err != nil {
				t.Errorf("file %s: %v", f.Name, f.Err)
			}
		}
		if got := channelMap(s.served(), "tool")["latest/stable"]; got != 4 {
			t.Errorf("latest/stable is revision %d, want 4", got)
		}
	}
}

// TestIncrementsByNeed pushes increments in one command whose order of signing is not the order of their needs: the older one leaves out a blob that only the
// newer one brings.
func TestIncrementsByNeed(t *testing.T) {
	t.Parallel()
	s, dir := newSite(t), t.TempDir()
	leave := func(b *bundletest.Bundle, d digest.Digest) {
		b.Predicate.Expects = []digest.Digest{d}
		b.Predicate.Increment = &bundle.Increment{Receiver: "ship-7", Basis: bundle.Assumption}
	}
	first := bundletest.New(t, 1).Add("third", 1, 300)
	older := bundletest.New(t, 2).Add("core", 1, 300).Add("tool", 1, 200)
	newer := bundletest.New(t, 3).Add("core", 1, 300).Add("third", 1, 300)
	leave(older, older.Revisions[0].Blob.Digest) // core, which the newer one brings
	leave(newer, newer.Revisions[1].Blob.Digest) // third, which the first one brings
	b, _ := s.batch(write(t, dir, "a", first.Tar(bundle.None)), write(t, dir, "b", older.Tar(bundle.None)), write(t, dir, "c", newer.Tar(bundle.None)))
	b.PushChannelMap = false
	must(t, b.Plan(t.Context()))
	b.Run(t.Context())
	for _, f := range b.Files {
		if f.Err != nil {
			t.Errorf("file %s: %v", f.Name, f.Err)
		}
	}
}

// TestIncrementLacks pushes an increment whose blobs are not in the store. Nothing changes, and the error names the bundles to bring.
func TestIncrementLacks(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	all := weeks(t, 4)
	s.mustPush(all[0].packed)
	before := s.served()
	dir := t.TempDir()
	b, _ := s.batch(write(t, dir, "week4.tar", all[3].packed), write(t, dir, "week3.tar", all[2].packed))
	must(t, b.Plan(t.Context()))
	b.Run(t.Context())
	for _, c := range []struct {
		file    string
		carried []uint64
	}{{"week4.tar", []uint64{3}}, {"week3.tar", []uint64{2}}} {
		i := slices.IndexFunc(b.Files, func(f *importer.File) bool { return f.Name == c.file })
		var e *importer.ExpectedError
		if !errors.As(b.Files[i].Err, &e) {
			t.Fatalf("%s: got %v, want an ExpectedError", c.file, b.Files[i].Err)
		}
		var sequences []uint64
		for _, carried := range e.Carried {
			sequences = append(sequences, carried.Sequence)
		}
		if !slices.Equal(sequences, c.carried) || len(e.Missing) != 1 || e.Unknown != 0 {
			t.Errorf("%s: bundles %v of %d missing blobs and %d unknown ones, want %v", c.file, sequences, len(e.Missing), e.Unknown, c.carried)
		}
	}
	s.serves(before)
	// Once the missing one is there, the others follow.
	for _, i := range []int{1, 3, 2, 3} {
		_, err := s.push(all[i].packed)
		if _, lacks := errors.AsType[*importer.ExpectedError](err); err != nil && !(lacks && i == 3) {
			t.Fatalf("push of week %d: %v", i+1, err)
		}
	}
	if got := channelMap(s.served(), "tool")["latest/stable"]; got != 4 {
		t.Errorf("latest/stable is revision %d, want 4", got)
	}
}

// TestIncrementOfDamagedBlob expects a blob that was removed from the store behind its back.
func TestIncrementOfDamagedBlob(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	all := weeks(t, 2)
	s.mustPush(all[0].packed)
	must(t, os.Remove(filepath.Join(s.blobs, "sha256", all[0].brings[0].Encoded())))
	_, err := s.push(all[1].packed)
	if e, ok := errors.AsType[*importer.ExpectedError](err); !ok || len(e.Missing) != 1 || e.Missing[0].Digest != all[0].brings[0] {
		t.Errorf("got %v, want that one blob is missing", err)
	}
}
