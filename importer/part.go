package importer

import (
	"context"
	"slices"

	"github.com/opencontainers/go-digest"

	"offlinestore/blob"
	"offlinestore/bundle"
	"offlinestore/catalog"
)

// FilePart is the place of a file in a divided bundle.
type FilePart struct {
	// Set identifies the parts that belong together.
	Set digest.Digest
	// Number counts the parts from 1, and Count is the number of all parts.
	Number, Count int
	// Files are the names that the files of all parts had when they were made, in their order.
	Files []string
	// Missing are the numbers of the parts that are not here. The bundle is imported once there are none.
	Missing []int
	// Held reports that the part had arrived before. Imports reports that the bundle is imported with this file, after the other parts.
	Held, Imports bool

	set *partSet
}

// partSet is a divided bundle of which the batch has files.
type partSet struct {
	part      *bundle.Part // of one of the files
	candidate Candidate
	files     []*File
	arrived   []int // the parts that had arrived before
	// leader is the file with which the bundle is imported, after the others. It is nil if parts are missing.
	leader *File
	// together reports that the leader is read together with the others. read has the file of each part that is read then.
	together bool
	read     map[int]*File
}

// isCarrier reports whether a file only brings blobs of a divided bundle, which another file, or a later push, imports.
func (f *File) isCarrier() bool { return f.Part != nil && f != f.Part.set.leader }

// addPart adds a file to its set.
func (b *Batch) addPart(f *File, o *Opened) {
	p := o.Head.Part
	b.partsLock.Lock()
	defer b.partsLock.Unlock()
	if b.parts == nil {
		b.parts = make(map[digest.Digest]*partSet)
	}
	set := b.parts[p.Set]
	if set == nil {
		set = &partSet{part: p, candidate: b.Candidate(o)}
		b.parts[p.Set] = set
	}
	f.Part = &FilePart{Set: p.Set, Number: p.Number, Count: p.Count, Files: p.Files, set: set}
}

// planParts finds out which divided bundles are complete, together with the parts that have arrived before.
func (b *Batch) planParts(ctx context.Context) error {
	if len(b.parts) == 0 {
		return nil
	}
	arrived, err := b.Store.PartSets(ctx)
	if err != nil {
		return err
	}
	for _, f := range b.Files {
		if f.Part != nil && f.Err == nil {
			f.Part.set.files = append(f.Part.set.files, f)
		}
	}
	for id, set := range b.parts {
		if i := slices.IndexFunc(arrived, func(s catalog.PartSet) bool { return s.ID == id }); i >= 0 {
			for _, p := range arrived[i].Arrived {
				set.arrived = append(set.arrived, p.Number)
			}
		}
		b.planSet(ctx, set)
	}
	return nil
}

// planSet plans the files of a set.
func (b *Batch) planSet(ctx context.Context, set *partSet) {
	lacking := set.part.Lacking(b.holder(ctx))
	missing := slices.DeleteFunc(slices.Clone(lacking), func(n int) bool {
		return slices.ContainsFunc(set.files, func(f *File) bool { return f.Part.Number == n })
	})
	for _, f := range set.files {
		f.Part.Missing = missing
		f.Part.Held = slices.Contains(set.arrived, f.Part.Number) && !slices.Contains(lacking, f.Part.Number)
		f.Planned, f.candidate = newReport(), set.candidate
		f.UpToDate = f.Part.Held
	}
	if len(missing) > 0 || len(set.files) == 0 {
		return
	}
	set.leader = set.files[len(set.files)-1]
	for _, f := range set.files {
		if !f.Part.Held {
			set.leader = f
		}
	}
	f := set.leader
	f.Part.Imports = true
	record := *set.candidate.record
	record.Name = f.Name
	f.candidate, f.UpToDate = Candidate{&record}, false
	b.planTogether(ctx, set)
	for _, d := range set.part.Divided {
		if !b.has(ctx, d.Digest, d.Size) {
			f.missing[d.Digest] = d.Size // besides ranges that are kept
		}
	}
}

// newReport returns a report without changes.
func newReport() *catalog.Report {
	return &catalog.Report{SnapRevisions: []catalog.SnapRevisionRef{}, SnapMoves: []catalog.SnapMove{}}
}

// endPlan tells the other parts of a bundle that nothing of it is to do.
func (b *Batch) endPlan() {
	for _, set := range b.parts {
		for _, f := range set.files {
			f.candidate = Candidate{}
		}
		if set.leader == nil || !set.leader.UpToDate {
			continue
		}
		for _, f := range set.files {
			f.UpToDate = f.UpToDate || f.Err == nil
		}
	}
}

// keepParts records the parts of verified files. It reports these files, and returns the others.
func (b *Batch) keepParts(ctx context.Context, files []*File) (rest []*File) {
	for _, f := range files {
		if f.Part != nil && f.Part.set.together {
			b.reportCarriers(ctx, f)
		}
		if f.Part == nil || f.Err != nil || f == f.Part.set.leader && len(f.Part.Missing) == 0 {
			rest = append(rest, f)
			continue
		}
		if f.isCarrier() && !f.Part.Held {
			f.Err = b.recordPart(ctx, f)
		}
		b.reportPart(ctx, f)
	}
	return rest
}

// reportCarriers reports the files that were read together with their leader.
func (b *Batch) reportCarriers(ctx context.Context, leader *File) {
	for _, f := range leader.Part.set.files {
		if f.isCarrier() {
			f.Err = leader.Err
			b.reportPart(ctx, f)
		}
	}
}

// reportPart reports a file of which nothing else is to do.
func (b *Batch) reportPart(ctx context.Context, f *File) {
	if f.Err == nil {
		f.Done = newReport()
	}
	if f.Err == nil || ctx.Err() == nil {
		b.Report(f)
	}
}

// recordPart keeps the blobs of a part, which are in the blob folder, until the other parts are there.
func (b *Batch) recordPart(ctx context.Context, f *File) error {
	in := f.Part.set.candidate.record
	sums := make(map[blob.Digest]string, len(in.Blobs))
	for _, b := range in.Blobs {
		sums[b.Digest] = b.SHA3384
	}
	p := &catalog.ArrivedPart{Number: f.Part.Number, File: f.Name}
	for _, d := range f.Part.set.part.FilesOf(f.Part.Number) {
		held, err := b.Blobs.Has(ctx, d.Digest, d.Size)
		if err != nil {
			return err
		}
		if held { // a range of a blob that is here whole may be missing
			p.Blobs = append(p.Blobs, catalog.Blob{Digest: d.Digest, Size: d.Size, SHA3384: sums[d.Digest]})
		}
	}
	set := &catalog.PartSet{
		ID: f.Part.Set, Bundle: f.Digest, Signer: f.Signer, SignedAt: in.SignedAt, Sequence: in.Sequence, Exporter: in.Exporter,
		Content: shorten(f.Content.String(), maxContent), Files: f.Part.Files,
	}
	return b.Store.AddPart(ctx, set, p)
}

// maxContent bounds the names of a divided bundle that the catalogue keeps, in bytes.
const maxContent = 400

// shorten cuts a text between its characters.
func shorten(text string, most int) string {
	if len(text) <= most {
		return text
	}
	end := 0
	for i := range text {
		if i > most-len("…") {
			break
		}
		end = i
	}
	return text[:end] + "…"
}

// Joined returns the ranges of the blobs that were joined, once Run has ended.
func (b *Batch) Joined() (ranges []blob.Digest) {
	for _, set := range b.parts {
		if set.leader == nil || set.leader.Err != nil || set.leader.Done == nil || len(set.leader.Part.Missing) > 0 {
			continue
		}
		for _, d := range set.part.Divided {
			for _, r := range d.Ranges {
				ranges = append(ranges, r.Digest)
			}
		}
	}
	return ranges
}

// endSet forgets the parts of a file whose bundle had been imported before.
func (b *Batch) endSet(ctx context.Context, f *File) {
	if f.Part == nil || f.isCarrier() || f.Err != nil {
		return
	}
	if err := b.Store.EndPartSet(ctx, f.Part.Set); err != nil {
		b.Warn(f, err.Error())
	}
}
