package edge

import (
	"bytes"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"offlinestore/assertion"
)

// assertionIndex finds kept assertions by their references. The keys of answers are the URLs that clients asked for, and one assertion has
// many of these. It is safe for concurrent use.
type assertionIndex struct {
	mu sync.Mutex
	// changed is the time at which the folder of answers had changed last when it was read.
	changed time.Time
	found   map[string][]indexedAssertion
}

// indexedAssertion is a kept assertion: in a file, or in memory.
type indexedAssertion struct {
	format, revision int
	path             string
	body             []byte
}

// find returns the newest kept revision of an assertion in at most a format, or nil. known reports that there is one in any format.
func (x *assertionIndex) find(m *answerMemory, ref assertion.Ref, maxFormat int) (body []byte, known bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.update(m)
	best := -1
	for _, a := range x.found[ref.Key()] {
		known = true
		if a.format > maxFormat || a.revision <= best {
			continue
		}
		text := a.body
		if a.path != "" {
			kept := m.readFile(a.path)
			if kept == nil {
				continue // pruned meanwhile
			}
			text = kept.body
		}
		if got := decodeOne(text); got != nil && got.Ref().Key() == ref.Key() && got.Format() <= maxFormat {
			best, body = got.Revision(), text
		}
	}
	return body, known
}

// decodeOne returns the assertion that is all of a text, or nil.
func decodeOne(text []byte) *assertion.Assertion {
	if !bytes.HasPrefix(text, []byte("type: ")) {
		return nil
	}
	a, err := assertion.Decode(text)
	if err != nil {
		return nil
	}
	return a
}

// update reads the kept answers if there are others than the last time. x.mu is held.
func (x *assertionIndex) update(m *answerMemory) {
	if m.dir == "" {
		x.found = m.indexMemory()
		return
	}
	info, err := os.Stat(m.dir)
	if err != nil || x.found != nil && info.ModTime().Equal(x.changed) {
		return
	}
	entries, err := os.ReadDir(m.dir)
	if err != nil {
		return
	}
	before := make(map[string]indexedAssertion)
	ids := make(map[string]string)
	for id, list := range x.found {
		for _, a := range list {
			before[a.path], ids[a.path] = a, id
		}
	}
	x.changed, x.found = info.ModTime(), make(map[string][]indexedAssertion)
	for _, entry := range entries {
		path := filepath.Join(m.dir, entry.Name())
		if a, ok := before[path]; ok {
			x.found[ids[path]] = append(x.found[ids[path]], a)
			continue
		}
		kept := m.readFile(path)
		if kept == nil || kept.Status != http.StatusOK {
			continue
		}
		if a := decodeOne(kept.body); a != nil {
			id := a.Ref().Key()
			x.found[id] = append(x.found[id], indexedAssertion{a.Format(), a.Revision(), path, nil})
		}
	}
}

// indexMemory returns the assertions among the answers in memory.
func (m *answerMemory) indexMemory() map[string][]indexedAssertion {
	m.mu.Lock()
	defer m.mu.Unlock()
	found := make(map[string][]indexedAssertion)
	for el := m.order.Front(); el != nil; el = el.Next() {
		kept := el.Value.(*keptAnswer)
		if kept.Status != http.StatusOK {
			continue
		}
		if a := decodeOne(kept.body); a != nil {
			id := a.Ref().Key()
			found[id] = append(found[id], indexedAssertion{a.Format(), a.Revision(), "", kept.body})
		}
	}
	return found
}

// assertionOf returns the assertion that a request asks for by its whole primary key, and its newest format that the client can read.
func assertionOf(r *http.Request) (ref assertion.Ref, maxFormat int, ok bool) {
	rest, ok := strings.CutPrefix(r.URL.EscapedPath(), "/v2/assertions/")
	q := r.URL.Query()
	if !ok || q.Has("sequence") {
		return ref, 0, false
	}
	var parts []string
	for part := range strings.SplitSeq(rest, "/") {
		text, err := url.PathUnescape(part)
		if err != nil {
			return ref, 0, false
		}
		parts = append(parts, text)
	}
	ref, err := assertion.RefFromPath(parts[0], parts[1:])
	if err != nil {
		return ref, 0, false
	}
	maxFormat, err = strconv.Atoi(q.Get("max-format"))
	return ref, maxFormat, err == nil || !q.Has("max-format")
}
