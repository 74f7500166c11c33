// Package backup writes and reads the backups of a store: its settings and secrets, its database and, by choice, its blobs,
// in one file that is encrypted with age.
//
// Inside the encryption is a tar:
//
//	backup.json         the store of the backup, see Header
//	files/PATH          the files of the data folder, but for PostgreSQL's and the blobs
//	database/NNNNNN     the output of pg_dump in its custom format, cut into pieces
//	blobs/sha256/HEX    the blobs
//	manifest.json       sizes and digests of everything before it, see Manifest
//
// in this order. The pieces let a dump of any size pass through without a copy of it on a disk, where it would lie unencrypted.
package backup

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"

	"offlinestore/blob"
)

// Format is the version of the format that this package writes, and the newest that it reads.
const Format = 1

// The names inside a backup.
const (
	headName     = "backup.json"
	manifestName = "manifest.json"
	filesDir     = "files/"
	databaseDir  = "database/"
	blobsDir     = "blobs/sha256/"
)

// The limits of a backup.
const (
	maxHead     = 1 << 20
	maxManifest = 64 << 20
	// MaxFile is the largest file of the data folder that is saved, in bytes. Settings and keys are far smaller.
	MaxFile = 4 << 20
	// maxFiles bounds the number of files, and maxFilesSize their size in bytes together: a restore holds them in memory.
	maxFiles     = 4096
	maxFilesSize = 64 << 20
	maxPath      = 512
	maxDepth     = 8
	pieceSize    = 1 << 20
	maxPieces    = 1_000_000
)

var (
	// ErrNotBackup means that a file is no backup.
	ErrNotBackup = errors.New("not a backup of a store")
	// ErrCorrupt means that a backup is cut off, altered or damaged.
	ErrCorrupt = errors.New("the backup is damaged")
	// ErrTooNew means that a newer program made the backup.
	ErrTooNew = errors.New("the backup was made by a newer version of this program")
	// ErrKey means that a passphrase or identities do not open the backup.
	ErrKey = errors.New("the backup can't be decrypted")
)

// Header describes the store of a backup.
type Header struct {
	Format  int       `json:"format"`
	Program string    `json:"program"`
	Created time.Time `json:"created"`
	// Domain is the host name of the store, if it had one.
	Domain string `json:"domain,omitempty"`
	// PostgreSQL is the major version of the database.
	PostgreSQL int `json:"postgresql"`
	// Schema is the version of the catalogue's tables.
	Schema     int   `json:"schema"`
	Generation int64 `json:"generation"`
	// Blobs reports whether the blobs are in the backup.
	Blobs bool `json:"blobs"`
}

// Manifest is the last entry of a backup.
type Manifest struct {
	Files    []File `json:"files"`
	Database Sum    `json:"database"`
	Blobs    Count  `json:"blobs"`
	// Missing are the blobs that the catalogue had and the store lacked.
	Missing []blob.Digest `json:"missing-blobs,omitempty"`
}

// File is one file of the data folder.
type File struct {
	Path string      `json:"path"`
	Mode fs.FileMode `json:"mode"`
	Sum
	// Data is the content, which is not in the manifest.
	Data []byte `json:"-"`
}

// Sum is the size and the digest of some bytes.
type Sum struct {
	Size   int64       `json:"size"`
	Digest blob.Digest `json:"digest"`
}

// Count is a number of blobs, and their size together in bytes.
type Count struct {
	Number int   `json:"number"`
	Size   int64 `json:"size"`
}

// validatePath refuses a path that no saved file of a data folder can have.
func validatePath(p string) error {
	first, _, _ := strings.Cut(p, "/")
	switch {
	case !fs.ValidPath(p), p == ".", strings.ContainsAny(p, "\\\x00"), len(p) > maxPath, strings.Count(p, "/") >= maxDepth:
		return fmt.Errorf("%w: path %.80q", ErrCorrupt, p)
	case isApart(first), strings.HasPrefix(path.Base(p), "."):
		return fmt.Errorf("%w: path %.80q is not among what is saved", ErrCorrupt, p)
	}
	return nil
}

// isApart reports whether an entry of the data folder is saved in another way, or not at all.
func isApart(name string) bool {
	return name == "blobs" || name == "postgresql" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, Aside)
}

// Aside begins the names of the folders into which a restore moves earlier content of the data folder.
const Aside = "before-restore-"
