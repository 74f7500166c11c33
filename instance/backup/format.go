// Package backup writes and reads the backups of a store: its settings and secrets, its database and, by choice, its blobs,
// in one file that is encrypted with age.
//
// Inside the encryption is a tar:
//
//	backup.json         what it is a backup of, see Header
//	files/PATH          the files of the data folder, but for PostgreSQL's and the blobs
//	database/NNNNNN     what pg_dump wrote, in its custom format, cut into pieces
//	blobs/sha256/HEX    the blobs
//	manifest.json       sizes and digests of all that went before, see Manifest
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
	// ErrNotBackup is in the chain of the error for a file that is no backup.
	ErrNotBackup = errors.New("not a backup of a store")
	// ErrCorrupt is in the chain of the error for a backup that is cut off, altered or damaged.
	ErrCorrupt = errors.New("the backup is damaged")
	// ErrTooNew is in the chain of the error for a backup that a newer program made.
	ErrTooNew = errors.New("the backup was made by a newer version of this program")
	// ErrKey is in the chain of the error for a passphrase, or identities, that do not open the backup.
	ErrKey = errors.New("the backup can't be decrypted")
)

// Header says what a backup is of.
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
	// Blobs says whether the blobs are in it.
	Blobs bool `json:"blobs"`
}

// Manifest is what a backup ends with.
type Manifest struct {
	Files    []File `json:"files"`
	Database Sum    `json:"database"`
	Blobs    Count  `json:"blobs"`
	// Missing are the blobs that the catalogue has and the store had not.
	Missing []blob.Digest `json:"missing-blobs,omitempty"`
}

// File is one file of the data folder.
type File struct {
	Path string      `json:"path"`
	Mode fs.FileMode `json:"mode"`
	Sum
	// Data is its content, which is not in the manifest.
	Data []byte `json:"-"`
}

// Sum is the size and the digest of some bytes.
type Sum struct {
	Size   int64       `json:"size"`
	Digest blob.Digest `json:"digest"`
}

// Count is how many blobs there are, and their size in bytes together.
type Count struct {
	Number int   `json:"number"`
	Size   int64 `json:"size"`
}

// validatePath refuses what can't be a file of a data folder that was saved.
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

// isApart says whether an entry of the data folder is saved in another way, or not at all.
func isApart(name string) bool {
	return name == "blobs" || name == "postgresql" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, Aside)
}

// Aside is how the names of folders begin that a restore has put earlier content of the data folder into.
const Aside = "before-restore-"
