package exporter

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"time"

	"offlinestore/assertion"
	"offlinestore/blob"
)

// assertionAge is the age at which the cache forgets an assertion, so that a later revision of it is found.
const assertionAge = 30 * 24 * time.Hour

// maxKept is the size of the longest kept assertion. Genuine ones have about a kilobyte.
const maxKept = 1 << 20

// keepsAssertion reports whether the cache keeps assertions of a type. It keeps the ones about one file, which is named by its digest,
// since the store does not change them.
func keepsAssertion(typ string) bool {
	return typ == "snap-revision" || typ == "snap-resource-revision" || typ == "snap-resource-pair"
}

// assertionPath returns the file of an assertion, or "" if the cache does not keep it.
func (c *Cache) assertionPath(ref assertion.Ref) string {
	if c == nil || !keepsAssertion(ref.Type) {
		return ""
	}
	if c.Layout != nil {
		return c.Behind.assertionPath(ref) // the layout holds only its bundle
	}
	sum := sha256.Sum256([]byte(ref.Key()))
	return filepath.Join(c.assertions, hex.EncodeToString(sum[:]))
}

// findAssertion returns a kept assertion, or nil. It is verified like one that the store has just sent.
func (c *Cache) findAssertion(ref assertion.Ref) *assertion.Assertion {
	path := c.assertionPath(ref)
	info, err := os.Stat(path)
	if path == "" || err != nil || time.Since(info.ModTime()) > assertionAge {
		return nil
	}
	data, err := blob.ReadFile(path, maxKept)
	if err != nil {
		return nil
	}
	sum, text, _ := bytes.Cut(data, []byte("\n"))
	if string(sum) != checksum(text) {
		return nil // damaged: the store is asked
	}
	a, err := assertion.Decode(text)
	if err != nil || a.Ref().Key() != ref.Key() {
		return nil
	}
	return a
}

// keepAssertion keeps an assertion. A failure does no harm, since the store can be asked again.
func (c *Cache) keepAssertion(a *assertion.Assertion) {
	path := c.assertionPath(a.Ref())
	if path == "" || os.MkdirAll(filepath.Dir(path), 0o755) != nil {
		return
	}
	var text bytes.Buffer
	if assertion.EncodeAll(&text, []*assertion.Assertion{a}) != nil {
		return
	}
	_ = blob.WriteFile(path, []byte(checksum(text.Bytes())+"\n"+text.String()), blob.WriteOptions{Mode: 0o644, Crowded: true, Unsynced: true})
}

func checksum(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// trimAssertions removes the kept assertions that are too old, or all of them, and the remains of killed exports.
func (c *Cache) trimAssertions(all bool) {
	blob.RemoveAbandoned(c.assertions)
	entries, _ := os.ReadDir(c.assertions) // usually, it does not exist
	for _, e := range entries {
		info, err := e.Info()
		if err == nil && (all || time.Since(info.ModTime()) > assertionAge) {
			os.Remove(filepath.Join(c.assertions, e.Name()))
		}
	}
	if all {
		blob.RemoveEmpty(c.assertions)
	}
}
