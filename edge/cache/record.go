package cache

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"offlinestore/blob"
)

// maxRecord is the largest size of a record in bytes.
const maxRecord = 4 << 10

// maxName is the longest name of a file in bytes that a record keeps.
const maxName = 255

// record tells which blob has the content of a file. It lies beside the blobs, in a file named by the digest.
type record struct {
	Digest  Digest      `json:"digest"`
	SHA256  blob.Digest `json:"sha256"`
	Size    int64       `json:"size"`
	Name    string      `json:"name,omitempty"`
	Private bool        `json:"private,omitempty"`
	Pinned  bool        `json:"pinned,omitempty"`
	Added   time.Time   `json:"added"`
}

// parseRecord decodes a record, and refuses one that this package cannot have written.
func parseRecord(data []byte) (record, error) {
	var r record
	if err := json.Unmarshal(data, &r); err != nil {
		return record{}, err
	}
	if err := r.Digest.Validate(); err != nil {
		return record{}, err
	}
	if err := blob.CheckDigest(r.SHA256); err != nil {
		return record{}, err
	}
	switch {
	case r.Size < 0:
		return record{}, fmt.Errorf("size %d", r.Size)
	case len(r.Name) > maxName:
		return record{}, fmt.Errorf("a name of %d bytes", len(r.Name))
	case r.Digest.algorithm() == blob.SHA256 && string(r.Digest) != string(r.SHA256):
		return record{}, errors.New("two digests in SHA-256")
	}
	return r, nil
}

// storedRecord is a record with the state of its file, whose time is the last use of the content.
type storedRecord struct {
	record
	info os.FileInfo
}

// records are the records in a folder. Other processes may write to it.
type records struct {
	folder            string
	dirMode, fileMode fs.FileMode

	mu    sync.Mutex
	known map[Digest]storedRecord
}

func (rs *records) path(d Digest) string { return filepath.Join(rs.folder, d.key()+".json") }

// load returns the record of a digest. It returns false if there is none, or only a damaged one.
func (rs *records) load(d Digest) (storedRecord, bool) {
	info, err := os.Lstat(rs.path(d))
	if err != nil || !info.Mode().IsRegular() {
		rs.forget(d)
		return storedRecord{}, false
	}
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if k, ok := rs.known[d]; ok && sameFile(k.info, info) {
		return k, true
	}
	delete(rs.known, d)
	data, err := blob.ReadFile(rs.path(d), maxRecord)
	if err != nil {
		return storedRecord{}, false
	}
	r, err := parseRecord(data)
	if err != nil || r.Digest != d {
		return storedRecord{}, false
	}
	k := storedRecord{r, info}
	rs.known[d] = k
	return k, true
}

// sameFile reports whether nobody has written to a file meanwhile, or used it.
func sameFile(a, b os.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

func (rs *records) forget(d Digest) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	delete(rs.known, d)
}

// prune forgets the records that are not here.
func (rs *records) prune(here map[Digest]bool) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	maps.DeleteFunc(rs.known, func(d Digest, _ storedRecord) bool { return !here[d] })
}

// store writes a record, durably.
func (rs *records) store(r record) error {
	r.Name = strings.ToValidUTF8(r.Name, "\uFFFD")
	for len(r.Name) > maxName {
		_, n := utf8.DecodeLastRuneInString(r.Name)
		r.Name = r.Name[:len(r.Name)-n]
	}
	data, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("write the record of %s: %w", r.Digest, err)
	}
	rs.forget(r.Digest)
	if err := blob.MakeDir(rs.folder, rs.dirMode); err != nil {
		return fmt.Errorf("write the record of %s: %w", r.Digest, err)
	}
	return blob.WriteFile(rs.path(r.Digest), append(data, '\n'), blob.WriteOptions{Mode: rs.fileMode, Crowded: true})
}

// remove removes the record of a digest, if there is one.
func (rs *records) remove(d Digest) error {
	rs.forget(d)
	if err := os.Remove(rs.path(d)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the record of %s: %w", d, err)
	}
	return nil
}

// list returns all records in the order of their digests. damaged are the names of files that are none.
func (rs *records) list() (all []storedRecord, damaged []string, err error) {
	entries, err := os.ReadDir(rs.folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("list the cache: %w", err)
	}
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), ".json")
		if !ok || blob.IsForeign(name) {
			continue
		}
		d, ok := parseKey(name)
		if ok {
			var r storedRecord
			if r, ok = rs.load(d); ok {
				all = append(all, r)
			}
		}
		if !ok {
			damaged = append(damaged, e.Name())
		}
	}
	return all, damaged, nil
}

// touch records the use of a file: the files that were not used for the longest time make room for others.
func (rs *records) touch(r storedRecord) {
	if now := time.Now(); now.Sub(r.info.ModTime()) > touchInterval {
		_ = os.Chtimes(rs.path(r.Digest), now, now) // only the order of removal suffers
	}
}
