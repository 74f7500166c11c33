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

// Cache keeps what was downloaded. Blobs are addressed by SHA-256, as bundles need them; notes say which blob has the
// digest by which its store knows it: the SHA3-384 of snaps, the SHA-384 of charms' resources.
type Cache struct {
	Blobs *blob.Dir
	// Layout has the blobs of the layout that is exported to; nil for archives. Downloads go to Blobs all the same, since the
	// layout must hold nothing but its bundle until the next one is whole.
	Layout *blob.Dir
	notes  string
	// hashed are the blobs that were downloaded by this process, and so verified.
	hashed sync.Map
}

// Hashed says whether this process has downloaded the blob and verified it on its way to the disk.
func (c *Cache) Hashed(d digest.Digest) bool {
	_, ok := c.hashed.Load(d)
	return ok
}

// OpenCache opens or makes a cache whose blobs are in dir/sha256.
func OpenCache(dir string) (*Cache, error) {
	blobs, err := blob.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("open the cache: %w", err)
	}
	notes := filepath.Join(dir, ".sha3-384")
	if err := blob.MakeDir(notes, 0o755); err != nil {
		return nil, fmt.Errorf("open the cache: %w", err)
	}
	return &Cache{Blobs: blobs, notes: notes}, nil
}

// OpenLayout opens or makes the OCI layout dir as a cache of its own, so that there is no second copy. What arrives lies in a
// hidden folder, which readers pass over.
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

// stat is the size of a blob, wherever it is.
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

// Close removes what was staged and not committed.
func (c *Cache) Close() error {
	if c.Layout != nil {
		return errors.Join(c.Layout.Close(), c.Blobs.Close())
	}
	return c.Blobs.Close()
}

// find returns the blob with the digests and the size that were announced, if the cache has it.
func (c *Cache) find(a *remoteBlob) (digest.Digest, bool) {
	key := a.key()
	path := filepath.Join(c.notes, key)
	text, err := os.ReadFile(path)
	d, ok := parseNote(key, string(text))
	known := err == nil && ok
	if !known {
		// What is addressed by the digest that was announced, and by that alone, needs no note but to say when it was used.
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
	os.Chtimes(path, now, now) // the oldest notes go first; a lost update does no harm
	return d, true
}

// note remembers which blob is meant by a key. The note carries a checksum, since a bundle made by a damaged one would be
// refused inside the gap.
func (c *Cache) note(key string, d digest.Digest) error {
	if c.Layout != nil && key == shaKey+d.Encoded() {
		return nil // it says nothing, and what is in a layout is not removed by age
	}
	return blob.WriteFile(filepath.Join(c.notes, key), []byte(formatNote(key, d)), blob.WriteOptions{Mode: 0o644})
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

// Usage says how many blobs the cache has, and their size in bytes together.
func (c *Cache) Usage() (blobs int, size int64, err error) {
	err = c.Blobs.List(func(i blob.Info) error {
		blobs++
		size += i.Size
		return nil
	})
	return blobs, size, err
}

// partialAge is for how long a download that was broken off is kept: nobody goes on with it after that.
const partialAge = 7 * 24 * time.Hour

// Trim removes the blobs that were used longest ago until at most max bytes are left, and what was broken off long ago; if
// max is 0, all that was broken off. It returns what it freed of blobs.
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
	used, err := c.lastUse()
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

// Tidy removes from a layout what was broken off or superseded before it was part of a bundle, and the notes of blobs that
// are gone.
func (c *Cache) Tidy() error {
	if _, err := c.Trim(0); err != nil {
		return err
	}
	return errors.Join(c.Blobs.CleanStaging(), c.Layout.CleanStaging())
}

// lastUse reads the notes for when each blob was used, and removes those of blobs that are gone.
func (c *Cache) lastUse() (map[digest.Digest]time.Time, error) {
	entries, err := os.ReadDir(c.notes)
	if err != nil {
		return nil, fmt.Errorf("trim the cache: %w", err)
	}
	used := make(map[digest.Digest]time.Time)
	for _, e := range entries {
		path := filepath.Join(c.notes, e.Name())
		text, err := os.ReadFile(path)
		info, ierr := e.Info()
		if errors.Is(err, fs.ErrNotExist) || ierr != nil {
			continue
		}
		d, ok := parseNote(e.Name(), string(text))
		if _, err := c.stat(d); !ok || err != nil {
			os.Remove(path)
			continue
		}
		if t := info.ModTime(); t.After(used[d]) { // a blob may be known by several digests
			used[d] = t
		}
	}
	return used, nil
}

// ParseSize reads a size such as 500MB, 20GB or a number of bytes.
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
