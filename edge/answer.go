package edge

import (
	"bytes"
	"container/list"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"offlinestore/blob"
)

// The bounds of kept answers, in bytes: of one, of those in memory, and of those on disk.
const (
	maxKept       = 1 << 20
	answersMemory = 48 << 20
	answersDisk   = 256 << 20
)

// answer is an answer of upstream that is kept.
type answer struct {
	Status int
	// Type is its media type.
	Type string
	// Version is the version of the store upstream, as its header has it.
	Version string
	At      time.Time
	body    []byte
}

// answerMemory keeps answers: the ones in use in memory, and all in a folder, so that they are there after a restart. It is safe for concurrent
// use.
type answerMemory struct {
	now func() time.Time
	dir string // empty keeps none on disk

	mu    sync.Mutex
	items map[string]*list.Element
	order *list.List // of *keptAnswer; the last used one is in front
	size  int64

	written int64 // bytes on disk since the last pruning
}

type keptAnswer struct {
	key string
	*answer
}

func newAnswerMemory(now func() time.Time, dir string) *answerMemory {
	return &answerMemory{now: now, dir: dir, items: make(map[string]*list.Element), order: list.New()}
}

// weight is the memory of an answer beside its body, in bytes.
const weight = 512

// get returns an answer that is not older than age, or nil.
func (m *answerMemory) get(key string, age time.Duration) *answer {
	m.mu.Lock()
	var a *answer
	if el := m.items[key]; el != nil {
		m.order.MoveToFront(el)
		a = el.Value.(*keptAnswer).answer
	}
	m.mu.Unlock()
	if a == nil {
		if a = m.read(key); a == nil {
			return nil
		}
		m.hold(key, a)
	}
	if m.now().Sub(a.At) > age {
		return nil
	}
	return a
}

// put keeps an answer.
func (m *answerMemory) put(key string, a *answer) {
	if len(a.body) > maxKept {
		return
	}
	m.hold(key, a)
	m.write(key, a)
}

func (m *answerMemory) hold(key string, a *answer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if el := m.items[key]; el != nil {
		m.drop(el)
	}
	m.items[key] = m.order.PushFront(&keptAnswer{key, a})
	m.size += int64(len(a.body)) + weight
	for m.size > answersMemory {
		m.drop(m.order.Back())
	}
}

// drop forgets an answer. m.mu is held.
func (m *answerMemory) drop(el *list.Element) {
	k := m.order.Remove(el).(*keptAnswer)
	delete(m.items, k.key)
	m.size -= int64(len(k.body)) + weight
}

// path returns the file of an answer. Its name tells nothing about the request.
func (m *answerMemory) path(key string) string {
	sum := sha256.Sum256([]byte(key))
	return filepath.Join(m.dir, hex.EncodeToString(sum[:]))
}

// read reads an answer from the disk. A file that is damaged is as good as none: its beginning has a digest of all the rest.
func (m *answerMemory) read(key string) *answer {
	if m.dir == "" {
		return nil
	}
	return m.readFile(m.path(key))
}

// readFile reads the answer in a file.
func (m *answerMemory) readFile(path string) *answer {
	text, err := blob.ReadFile(path, maxKept+4<<10)
	if err != nil || len(text) < sha256.Size {
		return nil
	}
	sum := sha256.Sum256(text[sha256.Size:])
	head, body, ok := bytes.Cut(text[sha256.Size:], []byte("\n"))
	a := &answer{}
	if !ok || !bytes.Equal(sum[:], text[:sha256.Size]) || json.Unmarshal(head, a) != nil {
		return nil
	}
	a.body = body
	return a
}

// write writes an answer to the disk. A full disk keeps none.
func (m *answerMemory) write(key string, a *answer) {
	if m.dir == "" {
		return
	}
	head, err := json.Marshal(a)
	if err != nil {
		return
	}
	rest := slices.Concat(head, []byte("\n"), a.body)
	sum := sha256.Sum256(rest)
	if err := replaceFile(m.path(key), append(sum[:], rest...)); err != nil {
		return
	}
	m.mu.Lock()
	m.written += int64(len(rest))
	full := m.written > answersDisk/8
	if full {
		m.written = 0
	}
	m.mu.Unlock()
	if full {
		_ = m.prune(answersDisk) // the next one tries again
	}
}

// replaceFile writes a file as a whole. It need not survive a loss of power.
func replaceFile(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".answer-*")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

// prune removes the oldest answers from the disk until the others take at most max bytes, and the remains of writers that were killed.
func (m *answerMemory) prune(max int64) error {
	entries, err := os.ReadDir(m.dir)
	if err != nil {
		return err
	}
	var files []os.FileInfo
	var total int64
	for _, entry := range entries {
		if info, err := entry.Info(); err == nil && info.Mode().IsRegular() {
			files, total = append(files, info), total+info.Size()
		}
	}
	slices.SortFunc(files, func(a, b os.FileInfo) int { return a.ModTime().Compare(b.ModTime()) })
	for _, f := range files {
		isRemain := f.Name()[0] == '.' && m.now().Sub(f.ModTime()) > time.Hour
		if total <= max && !isRemain {
			continue
		}
		if err := os.Remove(filepath.Join(m.dir, f.Name())); err == nil {
			total -= f.Size()
		}
	}
	return nil
}

// newAnswer returns the answer of a response with a body, for put.
func newAnswer(resp *http.Response, body []byte, now time.Time) *answer {
	return &answer{Status: resp.StatusCode, Type: resp.Header.Get("Content-Type"), Version: resp.Header.Get(headerVersion), At: now, body: body}
}
