package wanted

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/opencontainers/go-digest"

	"offlinestore/bundle"
)

const (
	// lockType and lockFormat begin a lock. A change that earlier programs can't read has another format.
	lockType   = "offlinestore wanted.lock"
	lockFormat = 1
	// MaxLockSize bounds a wanted.lock, in bytes. The head of the largest bundle fits.
	MaxLockSize = 96 << 20
	// maxLockValues bounds the members and lines of a lock: a few bytes of JSON can make a large value.
	maxLockValues = 4_000_000
)

// ErrLock reports a text that is no lock, or a damaged one.
var ErrLock = errors.New("not a wanted.lock")

// Lock is the content of a wanted.lock: everything in a bundle except for its payload, so that the same index can be made at any time.
type Lock struct {
	// Wanted is the digest of the File that was locked.
	Wanted digest.Digest
	// Receivers are the sites that the File names.
	Receivers []string
	Content   *bundle.Content
}

// lockFile is a lock in JSON.
type lockFile struct {
	Type   string `json:"type"`
	Format int    `json:"format"`
	// Index is the digest of the bundle index.
	Index     digest.Digest `json:"index"`
	Wanted    digest.Digest `json:"wanted"`
	Receivers []string      `json:"receivers"`
	// Content has a line for each part of the content, for people. It follows from the blobs.
	Content []string `json:"content"`
	// Blobs are the bundle index and the small blobs below it, in the order in which a bundle has them.
	Blobs []lockBlob `json:"blobs"`
}

// lockBlob is a blob in the most readable of four forms.
type lockBlob struct {
	Digest digest.Digest `json:"digest"`
	// JSON is a blob that is compact JSON, with spaces.
	JSON json.RawMessage `json:"json,omitempty"`
	// Lines are a text, without the breaks between its lines.
	Lines []string `json:"lines,omitempty"`
	// Data is anything else, in base64.
	Data []byte `json:"data,omitempty"`
}

// newLockBlob returns a blob in the form of a lock.
func newLockBlob(raw []byte) lockBlob {
	b := lockBlob{Digest: digest.FromBytes(raw)}
	var compact, spaced bytes.Buffer
	switch {
	case json.Compact(&compact, raw) == nil && bytes.Equal(compact.Bytes(), raw) && json.Indent(&spaced, raw, "", "") == nil:
		b.JSON = raw
	case isText(raw):
		for line := range bytes.SplitSeq(raw, []byte("\n")) {
			b.Lines = append(b.Lines, string(line))
		}
	default:
		b.Data = raw
	}
	return b
}

// isText reports whether JSON can hold the lines of a text so that they come back as they were.
func isText(raw []byte) bool {
	text, err := json.Marshal(string(raw))
	var back string
	return err == nil && json.Unmarshal(text, &back) == nil && back == string(raw)
}

// content returns the bytes of the blob.
func (b *lockBlob) content() ([]byte, error) {
	var raw []byte
	switch {
	case b.JSON != nil:
		var compact bytes.Buffer
		if err := json.Compact(&compact, b.JSON); err != nil {
			return nil, err
		}
		raw = compact.Bytes()
	case b.Lines != nil:
		var text bytes.Buffer
		for i, line := range b.Lines {
			if i > 0 {
				text.WriteByte('\n')
			}
			text.WriteString(line)
		}
		raw = text.Bytes()
	default:
		raw = b.Data
	}
	if digest.FromBytes(raw) != b.Digest {
		return nil, fmt.Errorf("the content of %.80s has another digest", b.Digest)
	}
	return raw, nil
}

// Encode returns the text of a lock. The same content has the same text.
func (l *Lock) Encode() ([]byte, error) {
	f := lockFile{lockType, lockFormat, l.Content.Digest(), l.Wanted, append([]string{}, l.Receivers...), Lines(l.Content.Head()), []lockBlob{newLockBlob(l.Content.Index())}}
	for _, b := range l.Content.Small() {
		f.Blobs = append(f.Blobs, newLockBlob(b.Data))
	}
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false) // the blobs come back as they were
	e.SetIndent("", "\t")
	if err := e.Encode(f); err != nil {
		return nil, err
	}
	if text.Len() > MaxLockSize {
		return nil, fmt.Errorf("a lock of %d bytes, at most %d are allowed", text.Len(), MaxLockSize)
	}
	return text.Bytes(), nil
}

// IsLock reports whether a text begins as a lock does.
func IsLock(text []byte) bool {
	return bytes.HasPrefix(text, []byte("{\n\t\"type\": \""+lockType+"\""))
}

// ParseLock parses a lock, and verifies that its parts fit together. The error wraps ErrLock.
func ParseLock(text []byte) (*Lock, error) {
	l, err := parseLock(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrLock, err)
	}
	return l, nil
}

func parseLock(text []byte) (*Lock, error) {
	if len(text) > MaxLockSize {
		return nil, fmt.Errorf("%d bytes are over the limit of %d", len(text), MaxLockSize)
	}
	if n := bytes.Count(text, []byte(",")); n > maxLockValues {
		return nil, fmt.Errorf("%d values are over the limit of %d", n, maxLockValues)
	}
	var f lockFile
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows it")
	}
	switch {
	case f.Type != lockType:
		return nil, fmt.Errorf("its type is %.60q", f.Type)
	case f.Format != lockFormat:
		return nil, fmt.Errorf("it has format %d, and this program reads format %d", f.Format, lockFormat)
	case len(f.Blobs) == 0:
		return nil, errors.New("no blobs in it")
	}
	for _, name := range f.Receivers {
		if err := checkText("receiver", name); err != nil {
			return nil, err
		}
	}
	blobs := make(map[digest.Digest][]byte, len(f.Blobs))
	for i := range f.Blobs {
		raw, err := f.Blobs[i].content()
		if err != nil {
			return nil, err
		}
		blobs[f.Blobs[i].Digest] = raw
	}
	c, err := bundle.ReadContent(blobs[f.Blobs[0].Digest], blobs)
	if err != nil {
		return nil, err
	}
	switch {
	case c.Digest() != f.Index:
		return nil, fmt.Errorf("its index is %s, and it names %.80s", c.Digest(), f.Index)
	case !slices.Equal(Lines(c.Head()), f.Content):
		return nil, errors.New("its lines for people do not follow from its blobs")
	}
	return &Lock{f.Wanted, f.Receivers, c}, nil
}
