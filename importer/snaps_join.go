package importer

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"offlinestore/assertion"
	"offlinestore/bundle"
	"offlinestore/importer/canonical"
	"offlinestore/squashfs"
)

// joinSnaps imports the files of the batch that are snaps or components: each snap on its own, with the assertions that other files of
// the batch, or the store, have about it. A file of assertions that was used so is none of the batch any more.
func (b *Batch) joinSnaps(ctx context.Context) error {
	var snaps []*File
	var size int64
	for _, f := range b.Files {
		if f.Err == nil && f.Input.Rewindable() {
			start, err := f.Input.Peek(len(squashfs.Magic))
			if f.Err = err; string(start) == squashfs.Magic {
				snaps = append(snaps, f)
				size += f.Input.Size()
			}
		}
	}
	if len(snaps) == 0 {
		return nil
	}
	progress, done := b.Reading(snaps[0], size)
	defer done()
	r, err := b.newSnapReader(ctx, progress)
	if err != nil {
		return err
	}
	refs := b.readLooseAssertions(r)
	files := make(map[*canonical.SnapFile]*File)
	for _, f := range snaps {
		if err := addLoose(ctx, r, f, files); err != nil {
			f.Err = &SnapsError{err}
		}
		if ctx.Err() != nil {
			return r.discard(context.Cause(ctx))
		}
	}
	b.importLoose(r, files, refs)
	for _, text := range r.Warnings {
		b.Warn(snaps[0], text)
	}
	b.commitVerified(r, snaps)
	return nil
}

// commitVerified commits the staged files if a snap among them was verified. Staged files that stay behind are no reason to import
// nothing else.
func (b *Batch) commitVerified(r *snapReader, snaps []*File) {
	isVerified := func(f *File) bool { return f.Err == nil && f.verified != nil }
	if !slices.ContainsFunc(snaps, isVerified) {
		if err := r.discard(nil); err != nil {
			b.Warn(snaps[0], err.Error())
		}
		return
	}
	_, err := r.staging.Wait()
	for _, f := range snaps {
		if err != nil && isVerified(f) {
			f.Err = err
		}
	}
}

// addLoose adds a snap or component to the collection.
func addLoose(ctx context.Context, r *snapReader, f *File, files map[*canonical.SnapFile]*File) error {
	in, err := f.Input.File()
	if err != nil {
		return err
	}
	added, err := r.AddSnap(ctx, f.Name, in, f.Input.Size())
	if err == nil {
		files[added] = f
	}
	return err
}

// readLooseAssertions adds the files of assertions to the collection. It returns the assertions in each. A bad file stays in
// the batch, which reports it.
func (b *Batch) readLooseAssertions(r *snapReader) map[*File][]assertion.Ref {
	refs := make(map[*File][]assertion.Ref)
	for _, f := range b.Files {
		if f.Err != nil || !f.Input.Rewindable() {
			continue
		}
		if ok, err := isAssertionFile(f.Input); !ok || err != nil {
			continue
		}
		size := f.Input.Size()
		if size > bundle.MaxAssertionSize {
			continue
		}
		text, err := f.Input.Peek(int(size))
		if err != nil {
			continue
		}
		list, err := r.AddAssertions(text)
		if err != nil {
			continue
		}
		for _, a := range list {
			refs[f] = append(refs[f], a.Ref())
		}
	}
	return refs
}

// importLoose makes an import of each snap in the collection.
func (b *Batch) importLoose(r *snapReader, files map[*canonical.SnapFile]*File, refs map[*File][]assertion.Ref) {
	groups, loose := r.Join(r.catalog)
	for _, l := range loose {
		files[l.File].Err = &SnapsError{l.Err}
	}
	used := make(map[string]bool)
	for _, g := range groups {
		g.AddKeys(used)
		first, others := partsOf(g, files)
		b.takeOut(func(f *File) bool { return slices.Contains(others, f) })
		if first.Err != nil {
			continue
		}
		record, err := r.verify(b, first.Name, false, g)
		if err != nil {
			first.Err = &SnapsError{err}
			continue
		}
		first.setVerified(record)
	}
	for f, list := range refs {
		err := canonical.LooseAssertion(r.catalog, list, used)
		switch isUsed := slices.ContainsFunc(list, func(ref assertion.Ref) bool { return used[ref.Key()] }); {
		case isUsed:
			if err != nil {
				b.Warn(f, err.Error())
			}
			b.takeOut(func(other *File) bool { return other == f })
		case err != nil:
			f.Err = &SnapsError{err}
		}
	}
}

// partsOf returns the file that stands for a group, and the other ones. A file of the group that failed fails the group.
func partsOf(g *canonical.Group, files map[*canonical.SnapFile]*File) (first *File, others []*File) {
	var names []string
	for _, sf := range g.Files {
		f := files[sf]
		switch {
		case first == nil:
			first = f
		case f != first:
			others = append(others, f)
		}
		if f.Err != nil && first.Err == nil {
			first.Err = f.Err
		}
		names = append(names, f.Name)
	}
	const maxNames = 3
	if n := len(names) - maxNames; n > 0 {
		names = append(names[:maxNames], fmt.Sprintf("%d more", n))
	}
	first.Name = strings.Join(names, ", ")
	return first, others
}

// takeOut removes files that became part of others. Close still closes them.
func (b *Batch) takeOut(is func(*File) bool) {
	b.Files = slices.DeleteFunc(b.Files, func(f *File) bool {
		if f.Err != nil || !is(f) {
			return false
		}
		b.joined = append(b.joined, f.Input)
		return true
	})
}
