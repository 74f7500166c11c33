package main

import (
	"fmt"

	"offlinestore/blob"
	"offlinestore/bundle"
	"offlinestore/cmd/internal/cli"
)

// mediumRead tells how verify has read a bundle from its medium.
type mediumRead struct {
	// Way is "posix_fadvise": the system was told to forget the files.
	Way   string `json:"way"`
	Files int    `json:"files"`
	Size  int64  `json:"size"`
	// Confirmed is false if the system does not tell whether it has forgotten the files.
	Confirmed bool `json:"confirmed"`
}

// cachedError reports files that the system has kept in memory.
type cachedError struct {
	Cached, Size int64
}

func (e *cachedError) Error() string {
	return fmt.Sprintf("it is good, but %s of %s came from memory: the system did not forget them", cli.Bytes(e.Cached), cli.Bytes(e.Size))
}

// describeMedium returns nil without a medium, and an error if some of the bytes came from memory.
func describeMedium(m *blob.Medium) (*mediumRead, error) {
	switch {
	case m == nil:
		return nil, nil
	case m.Cached > 0:
		return nil, &cachedError{m.Cached, m.Bytes}
	}
	return &mediumRead{"posix_fadvise", m.Files, m.Bytes, m.Unknown == 0}, nil
}

// String returns the end of the line about a good bundle.
func (m *mediumRead) String() string {
	switch {
	case m == nil:
		return ""
	case !m.Confirmed:
		return "; read after posix_fadvise, but the system tells only the owner of the files whether it has forgotten them"
	}
	return fmt.Sprintf("; read from the medium, past the page cache (posix_fadvise): %s of %s", cli.Bytes(m.Size), cli.Count(m.Files, "file"))
}

// encryptedHint returns the way to open an encrypted bundle.
func encryptedHint(e *bundle.EncryptedError) string {
	if e.Recipients == 0 {
		return "'snap-store-proxy restore' takes a backup; if this is a bundle, decrypt it with age"
	}
	return "give the file of an identity that it is encrypted to with --identity FILE; only the receivers have one"
}

// mediumHints returns the rows about forms and media of bundles.
func mediumHints() cli.Table {
	return cli.Table{
		cli.On(cli.As[*cachedError], cli.Failed, "unmount the disk, mount it again, and verify without --medium; a file system in memory has no medium"),
		cli.OnType(cli.Failed, encryptedHint),
		cli.On(cli.Is(errMissingParts), cli.Gaps, "put all parts of the bundle into one folder"),
		cli.On(cli.As[*bundle.ExistsError], cli.Failed, "name another file or folder"),
		cli.On(cli.Is(blob.ErrNoMedium), cli.Failed, "unplug the disk, plug it in again, and verify without --medium"),
	}
}
