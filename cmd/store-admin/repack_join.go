package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/opencontainers/go-digest"

	"offlinestore/blob"
	"offlinestore/bundle"
	"offlinestore/cmd/internal/cli"
)

// errMissingParts reports a folder that lacks parts of a bundle.
var errMissingParts = errors.New("parts of the bundle are missing")

// joinParts opens the parts of one bundle.
func joinParts(ctx context.Context, o *opening, from string, files []string) (*repackSource, error) {
	s := &repackSource{}
	j := &joinedParts{ctx: ctx, o: o, whole: make(map[int]*verifiedReader), ranges: make(map[int]*verifiedReader), files: make(map[int]string), source: s}
	for _, file := range files {
		if err := j.add(file); err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", file, err), s.Close())
		}
	}
	var missing []int
	for n := 1; n <= j.part.Count; n++ {
		if j.whole[n] == nil {
			missing = append(missing, n)
		}
	}
	if len(missing) > 0 {
		return nil, errors.Join(fmt.Errorf("%s: %w: %s", from, errMissingParts, j.names(missing)), s.Close())
	}
	s.open, s.end = j.openBlob, j.readEnd
	return s, nil
}

// names returns the names of the files of parts.
func (j *joinedParts) names(numbers []int) (names []string) {
	for _, n := range numbers {
		names = append(names, cli.Clean(j.part.Files[n-1]))
	}
	slices.Sort(names)
	return names
}

// joinedParts reads the parts of a bundle as one. Each part is read from its beginning to its end, and once more if it has ranges, which follow
// its whole blobs.
type joinedParts struct {
	ctx    context.Context
	o      *opening
	part   *bundle.Part // of the first file
	files  map[int]string
	whole  map[int]*verifiedReader
	ranges map[int]*verifiedReader
	source *repackSource
}

// add opens a part.
func (j *joinedParts) add(file string) error {
	r, err := j.o.open(j.ctx, file)
	if err != nil {
		return err
	}
	j.source.readers = append(j.source.readers, r)
	set, n := r.PartOf()
	if n == 0 {
		return cli.Usagef("it is a whole bundle, and the folder has several: name one")
	}
	if j.part == nil {
		if j.source.sealed, err = r.Sealed(); err != nil {
			return err
		}
	}
	h, err := r.Head()
	if err != nil {
		return err
	}
	if j.part == nil {
		j.part = h.Part
	}
	if set != j.part.Set {
		return cli.Usagef("it is a part of another bundle than %s: move one of them away", j.files[j.part.Number])
	}
	if j.whole[n] == nil { // a copy of a part is not read
		j.whole[n], j.files[n] = r, file
	}
	return r.CheckLength()
}

// openBlob opens a blob of the whole bundle.
func (j *joinedParts) openBlob(d digest.Digest) (io.ReadCloser, error) {
	for i, desc := range j.part.Blobs {
		if n := j.part.Places[i]; desc.Digest == d && n != 0 {
			return j.whole[n].OpenNext(d)
		}
	}
	for _, b := range j.part.Divided {
		if b.Digest == d {
			return &rangesReader{parts: j, left: b.Ranges}, nil
		}
	}
	return nil, fmt.Errorf("%s: %w", d, blob.ErrNotFound)
}

// openRange opens a range of a divided blob.
func (j *joinedParts) openRange(r *bundle.BlobRange) (io.ReadCloser, error) {
	if j.ranges[r.Part] == nil {
		v, err := j.o.open(j.ctx, j.files[r.Part])
		if err != nil {
			return nil, err
		}
		j.source.readers = append(j.source.readers, v)
		if _, err := v.Head(); err != nil {
			return nil, err
		}
		j.ranges[r.Part] = v
	}
	return j.ranges[r.Part].OpenNext(r.Digest)
}

// readEnd reads the end of each part.
func (j *joinedParts) readEnd() error {
	for n := 1; n <= j.part.Count; n++ {
		if err := j.whole[n].ReadEnd(); err != nil {
			return fmt.Errorf("%s: %w", j.files[n], err)
		}
	}
	return nil
}

// rangesReader reads the ranges of a blob one after the other.
type rangesReader struct {
	parts *joinedParts
	left  []bundle.BlobRange
	now   io.ReadCloser
}

// Read implements [io.Reader].
func (r *rangesReader) Read(p []byte) (int, error) {
	for {
		if r.now == nil {
			if len(r.left) == 0 {
				return 0, io.EOF
			}
			var err error
			if r.now, err = r.parts.openRange(&r.left[0]); err != nil {
				return 0, err
			}
			r.left = r.left[1:]
		}
		n, err := r.now.Read(p)
		if err == io.EOF {
			r.now, err = nil, nil
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// Close implements [io.Closer].
func (r *rangesReader) Close() error { return nil }
