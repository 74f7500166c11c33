package main

import (
	"context"
	"errors"
	"fmt"

	"offlinestore/cmd/internal/cli"
)

// openSource opens a bundle, or the parts of one in a folder.
func openSource(ctx context.Context, o *opening, from string) (*repackSource, error) {
	files, err := expandFolders([]string{from})
	if err != nil {
		return nil, err
	}
	if len(files) > 1 {
		return joinParts(ctx, o, from, files)
	}
	r, err := o.open(ctx, files[0])
	if err != nil {
		return nil, err
	}
	if _, part := r.PartOf(); part > 0 && files[0] != from { // the only part in a folder
		if err := r.Close(); err != nil {
			return nil, err
		}
		return joinParts(ctx, o, from, files)
	}
	s := &repackSource{open: r.OpenNext, end: r.ReadEnd, readers: []*verifiedReader{r}}
	if err := s.openWhole(files[0]); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// openWhole reads the head of a bundle that is no part.
func (s *repackSource) openWhole(file string) (err error) {
	r := s.first()
	if _, part := r.PartOf(); part > 0 {
		return cli.Usagef("%s is only part %d of a bundle: name the folder that has all its parts", file, part)
	}
	if s.sealed, err = r.Sealed(); err == nil {
		err = r.CheckLength()
	}
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if r.CanOpenBlob() {
		s.any = r.OpenBlob
	}
	return nil
}
