package bundle

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
)

// sniffSize bounds the bytes of a file that tell whether it is a packed bundle. The first block of zstd has at most 128 KiB.
const sniffSize = 256 << 10

// TakeBundles takes the packed bundles out of a folder that is no layout, and returns them as inputs of their own, in the order of their
// names. The other files stay members.
func (in *Input) TakeBundles() (list []*Input, err error) {
	in.members = slices.DeleteFunc(in.members, func(m Member) bool {
		if m.File == nil || err != nil {
			return false
		}
		var packed bool
		if packed, err = isPacked(m.File); err != nil {
			err = fmt.Errorf("read %s: %w", filepath.Join(in.Name, m.Name), err)
		}
		if packed {
			list = append(list, NewInput(filepath.Join(in.Name, filepath.FromSlash(m.Name)), m.File))
		}
		return packed
	})
	return list, err
}

// isPacked reports whether a file is a packed bundle, or an encrypted one. A file that begins like one and goes on otherwise is one, too: its
// reader finds the fault.
func isPacked(f io.ReaderAt) (bool, error) {
	start := make([]byte, tarBlock)
	n, err := f.ReadAt(start, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	if bytes.HasPrefix(start[:n], []byte(ageMagic)) {
		return true, nil
	}
	t, err := newTarSource(io.NewSectionReader(f, 0, sniffSize), nil)
	if err != nil {
		return false, nil // something else
	}
	defer t.Close()
	_, err = io.ReadFull(t.r, start)
	return err == nil && bytes.HasPrefix(start, []byte(layoutFile+"\x00")), nil
}
