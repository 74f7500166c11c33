package exporter

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"

	"offlinestore/blob"
)

// maxNote is the largest note that is read, in bytes.
const maxNote = 1 << 10

// Cache holds downloaded blobs. They are addressed by SHA-256, as in bundles. A note maps the digest by which a store knows a blob (the
// SHA3-384 of a snap, the SHA-384 of a charm's resource) to that address.
type Cache struct {
	Blobs *blob.Dir
	// Layout holds the blobs of the layout that is exported to; it is nil for archives. Downloads still go to Blobs, because the layout
	// must hold only its present bundle until the next one is complete.
	Layout *blob.Dir
	// Behind is the ordinary cache beside a layout, or nil. What it holds is not downloaded.
	Behind *Cache

	notes, assertions string
	// hashed holds the digests of the blobs that this process downloaded, and so verified.
	hashed sync.Map
}

// Hashed reports whether this process downloaded the blob and verified it on the way to the disk.
func (c *Cache) Hashed(d digest.Digest) bool {
	_, ok := c.hashed.Load(d)
	return ok
}

// OpenCache opens a cache whose blobs are in dir/sha256, and creates it if needed.
func OpenCache(dir string) (*Cache, error) {
	blobs, err := blob.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("open the cache: %w", err)
	}
	// Remains of killed exports only take space, and the user may have no right to remove them.
	_ = blobs.CleanStaging()
	notes, assertions := filepath.Join(dir, ".sha3-384"), filepath.Join(dir, ".assertions")
	blob.RemoveAbandoned(notes)
	if err := blob.MakeDir(notes, 0o755); err != nil {
		return nil, fmt.Errorf("open the cache: %w", err)
	}
	return &Cache{Blobs: blobs, notes: notes, assertions: assertions}, nil
}

// OpenLayout opens the OCI layout dir as its own cache, so that there is no second copy, and creates it if needed. Downloads lie in a
// hidden folder, which readers ignore.
func OpenLayout(dir string) (*Cache, error) {
	c, err := OpenCache(filepath.Join(dir, ".incoming"))
	if err != nil {
		return nil, err
	}
	if c.Layout, err = blob.Open(filepath.Join(dir, "blobs")); err != nil {
		return nil, fmt.Errorf("open the layout: %w", err)
	}
	return c, nil
}

// stat returns the size of a blob in the cache or in the layout.
func (c *Cache) stat(d digest.Digest) (int64, error) {
	n, err := c.Blobs.Stat(d)
	if err != nil && c.Layout != nil {
		n, err = c.Layout.Stat(d)
	}
	return n, err
}

// drop removes a damaged blob.
func (c *Cache) drop(d digest.Digest) error {
	c.hashed.Delete(d)
	dirs := []*blob.Dir{c.Blobs}
	if c.Layout != nil {
		dirs = append(dirs, c.Layout)
	}
	for _, dir := range dirs {
		if err := dir.Remove(d); err != nil && !errors.Is(err, blob.ErrNotFound) {
			return fmt.Errorf("drop from the cache: %w", err)
		}
	}
	return nil
}

// Close removes staged files that were not committed, and the folders of a layout that are empty without them.
func (c *Cache) Close() error {
	if c.Layout != nil {
		defer c.removeFolders()
		return errors.Join(c.Layout.Close(), c.Blobs.Close())
	}
	return c.Blobs.Close()
}

// find returns the address of the cached blob that has the digests and the size of a. It returns false if the cache doesn't have it.
func (c *Cache) find(a *remoteBlob) (digest.Digest, bool) {
	key := a.key()
	path := filepath.Join(c.notes, key)
	text, err := blob.ReadFile(path, maxNote)
	d, ok := parseNote(key, string(text))
	known := err == nil && ok
	if !known {
		// Without a note, a blob can be found if its address is the only digest that the store announced.
		d = digest.NewDigestFromEncoded(digest.SHA256, a.SHA256)
		if a.SHA384+a.SHA3384 != "" || d.Validate() != nil {
			return "", false
		}
	}
	if n, err := c.stat(d); err != nil || n != a.Size || a.SHA256 != "" && d.Encoded() != a.SHA256 {
		return "", false
	}
	if !known {
		return d, c.note(key, d) == nil
	}
	now := time.Now()
	os.Chtimes(path, now, now) // the oldest notes are trimmed first; a lost update does no harm
	return d, true
}

// known returns the address of a blob that was in the cache once, and may be gone.
func (c *Cache) known(a *remoteBlob) (digest.Digest, bool) {
	text, err := blob.ReadFile(filepath.Join(c.notes, a.key()), maxNote)
	if err != nil {
		return "", false
	}
	return parseNote(a.key(), string(text))
}

// note records the blob that a key stands for. The note has a checksum, because the receiver would refuse a bundle that was made with a
// damaged note.
func (c *Cache) note(key string, d digest.Digest) error {
	if c.Layout != nil && key == shaKey+d.Encoded() {
		return nil // such a note adds nothing, and blobs of a layout are not removed by age
	}
	return blob.WriteFile(filepath.Join(c.notes, key), []byte(formatNote(key, d)), blob.WriteOptions{Mode: 0o644, Crowded: true})
}

func formatNote(key string, d digest.Digest) string {
	sum := sha256.Sum256([]byte(key + " " + d.String()))
	return d.String() + " " + hex.EncodeToString(sum[:8]) + "\n"
}

func parseNote(key, text string) (digest.Digest, bool) {
	word, _, _ := strings.Cut(text, " ")
	d := digest.Digest(word)
	return d, d.Validate() == nil && text == formatNote(key, d)
}

// Usage returns the number of blobs in the cache, and their total size in bytes.
func (c *Cache) Usage() (blobs int, size int64, err error) {
	err = c.Blobs.List(func(i blob.Info) error {
		blobs++
		size += i.Size
		return nil
	})
	return blobs, size, err
}

// partialAge is the age at which an interrupted download is removed, because nobody resumes it after that.
const partialAge = 7 * 24 * time.Hour

// Trim removes the blobs that were used longest ago until at most max bytes are left. It also removes old interrupted downloads, or all of
// them if max is 0. It returns the number of bytes that removing blobs freed.
func (c *Cache) Trim(max int64) (freed int64, err error) {
	type entry struct {
		digest digest.Digest
		size   int64
		used   time.Time
	}
	age := partialAge
	if max == 0 {
		age = 0
	}
	if err := c.Blobs.CleanPartial(time.Now().Add(-age)); err != nil {
		return 0, fmt.Errorf("trim the cache: %w", err)
	}
	c.trimAssertions(max == 0)
	used, err := c.lastUse(max == 0)
	if err != nil {
		return 0, err
	}
	var all []entry
	var total int64
	err = c.Blobs.List(func(i blob.Info) error {
		all = append(all, entry{i.Digest, i.Size, used[i.Digest]})
		total += i.Size
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("trim the cache: %w", err)
	}
	slices.SortFunc(all, func(a, b entry) int { return a.used.Compare(b.used) })
	for _, e := range all {
		if total <= max {
			break
		}
		if err := c.Blobs.Remove(e.digest); err != nil && !errors.Is(err, blob.ErrNotFound) {
			return freed, fmt.Errorf("trim the cache: %w", err)
		}
		total -= e.size
		freed += e.size
	}
	return freed, nil
}

// Tidy removes from a layout interrupted and superseded downloads that never became part of a bundle, and the notes of removed blobs.
func (c *Cache) Tidy() error {
	if _, err := c.Trim(0); err != nil {
		return err
	}
	err := errors.Join(c.Blobs.CleanStaging(), c.Layout.CleanStaging())
	c.removeFolders()
	return err
}

// removeFolders removes the empty folders of the downloads into a layout.
func (c *Cache) removeFolders() {
	for _, dir := range []string{c.notes, c.assertions, filepath.Join(filepath.Dir(c.notes), "sha256"), filepath.Dir(c.notes)} {
		blob.RemoveEmpty(dir)
	}
}

// noteAge is the age at which the note of a blob that is gone is removed. Until then, exports can leave out the blob without downloading it.
const noteAge = 400 * 24 * time.Hour

// lastUse returns when each blob was last used, according to the notes. It removes the notes of blobs that are gone, the younger ones only if all is
// set, and in a layout.
func (c *Cache) lastUse(all bool) (map[digest.Digest]time.Time, error) {
	entries, err := os.ReadDir(c.notes)
	if err != nil {
		return nil, fmt.Errorf("trim the cache: %w", err)
	}
	used := make(map[digest.Digest]time.Time)
	for _, e := range entries {
		path := filepath.Join(c.notes, e.Name())
		text, err := blob.ReadFile(path, maxNote)
		info, ierr := e.Info()
		if errors.Is(err, fs.ErrNotExist) || ierr != nil {
			continue
		}
		d, ok := parseNote(e.Name(), string(text))
		if _, err := c.stat(d); !ok || err != nil {
			if !ok || all || c.Layout != nil || time.Since(info.ModTime()) > noteAge {
				os.Remove(path)
			}
			continue
		}
		if t := info.ModTime(); t.After(used[d]) { // a blob may be known by several digests
			used[d] = t
		}
	}
	return used, nil
}

// ParseSize parses a size such as 500MB, 20GB or a number of bytes.
func ParseSize(s string) (int64, error) {
	units := map[string]int64{"": 1, "B": 1, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30, "TIB": 1 << 40}
	digits := strings.TrimRight(s, "bBkKmMgGtTiI")
	unit, ok := units[strings.ToUpper(s[len(digits):])]
	n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
	if !ok || err != nil || n < 0 || n > (1<<62)/unit {
		return 0, fmt.Errorf("size %.40q: want a number with MB, GB or TB", s)
	}
	return n * unit, nil
}
