package edge

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"offlinestore/edge/cache"
)

// foundFile is a file that an answer describes.
type foundFile struct {
	address              string
	digest               cache.Digest
	size                 int64
	icon, charm, private bool
	// image reports that the file tells where an image is. The edit is of the whole description.
	image bool
}

// span is a part of a text.
type span struct{ from, to int }

func (s span) isEmpty() bool { return s.to == s.from }

// edit replaces a JSON string of an answer.
type edit struct {
	at span
	// file is the file at the address; nil if the string is the address of a stream of assertions.
	file *foundFile
}

// isWhole reports whether the edit replaces more than a string.
func (e edit) isWhole() bool { return e.file != nil && e.file.image }

// scan is one pass over the JSON of an answer. It finds the addresses in it, and the results of a refresh.
type scan struct {
	text   []byte
	frames []frame
	edits  []edit
	// results are the elements of the list "results" in the root.
	results []span
	// isPrivate reports that a private snap is in the answer.
	isPrivate bool
}

// frame is an open object or list.
type frame struct {
	from   int
	isList bool
	// name is the member that the value belongs to, as it is written. The elements of a list have the name of the list.
	name []byte
	// key is the present member of an object, as it is written, and isKey is set before it.
	key   []byte
	isKey bool
	// edits is the number of edits before the frame.
	edits   int
	private bool

	url, download, anonymous, icon span
	kind                           string
	digest                         cache.Digest
	size                           int64
	charm                          bool
	// description is the member "download", and described the file in it.
	description span
	described   *foundFile
}

func (f *frame) isNamed(name string) bool { return string(f.name) == name }

// newScan passes over a text, which must be valid JSON.
func newScan(text []byte) *scan {
	s := &scan{text: text, frames: make([]frame, 0, 16)}
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '{', '[':
			s.open(i, c == '[')
		case '}', ']':
			s.close(i + 1)
		case ',':
			if f := s.top(); f != nil {
				f.isKey = !f.isList
			}
		case '"':
			end := endOfString(text, i)
			s.string(span{i, end})
			i = end - 1
		case ' ', '\t', '\r', '\n', ':':
		default:
			end := i + 1
			for end < len(text) && strings.IndexByte(",]} \t\r\n", text[end]) < 0 {
				end++
			}
			s.literal(text[i:end])
			i = end - 1
		}
	}
	slices.SortFunc(s.edits, func(a, b edit) int { return a.at.from - b.at.from })
	return s
}

// endOfString returns the index after the quote that ends the string which begins at i.
func endOfString(text []byte, i int) int {
	for i++; i < len(text); i++ {
		switch text[i] {
		case '"':
			return i + 1
		case '\\':
			i++
		}
	}
	return len(text)
}

func (s *scan) top() *frame {
	if len(s.frames) == 0 {
		return nil
	}
	return &s.frames[len(s.frames)-1]
}

func (s *scan) open(at int, isList bool) {
	f := frame{from: at, isList: isList, isKey: !isList, edits: len(s.edits)}
	if parent := s.top(); parent != nil {
		f.name = parent.key
		if parent.isList {
			f.name = parent.name
		}
	}
	s.frames = append(s.frames, f)
}

func (s *scan) close(end int) {
	f := *s.top()
	s.frames = s.frames[:len(s.frames)-1]
	if !f.isList {
		s.addFiles(&f)
		s.addImage(&f, span{f.from, end})
	}
	if f.private {
		for _, e := range s.edits[f.edits:] {
			if e.file != nil {
				e.file.private = true
			}
		}
	}
	if len(s.frames) == 2 && s.frames[1].isList && s.frames[1].isNamed("results") && !s.frames[0].isList {
		s.results = append(s.results, span{f.from, end})
	}
}

// addFiles adds the files that an object describes.
func (s *scan) addFiles(f *frame) {
	for _, at := range []span{f.url, f.download, f.anonymous} {
		if !at.isEmpty() && f.digest != "" && (f.size > 0 || f.isEmptyFile()) {
			s.add(at, &foundFile{digest: f.digest, size: f.size, charm: f.charm})
		}
	}
	if f.isNamed("media") && f.kind == "icon" && !f.url.isEmpty() {
		s.add(f.url, &foundFile{icon: true})
	}
	if !f.icon.isEmpty() {
		s.add(f.icon, &foundFile{icon: true})
	}
}

// isEmptyFile reports whether an object describes a resource of a charm for which nothing was ever uploaded.
func (f *frame) isEmptyFile() bool { return f.size == 0 && f.digest == emptyFile }

// emptyFile is the digest of no bytes.
const emptyFile = cache.Digest("sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")

// addImage adds the file that tells where the image of a resource is, when the object of the resource ends.
func (s *scan) addImage(f *frame, at span) {
	if parent := s.top(); f.isNamed("download") && f.charm && parent != nil && !f.url.isEmpty() && !f.isEmptyFile() {
		parent.description, parent.described = at, &foundFile{address: s.value(f.url), digest: f.digest, size: f.size, charm: true, image: true}
	}
	if f.kind == "oci-image" && f.described != nil && (f.isNamed("resources") || f.isNamed("revisions")) {
		s.edits = append(s.edits, edit{f.description, f.described})
	}
}

func (s *scan) add(at span, f *foundFile) {
	if f.address = s.value(at); f.address != "" {
		s.edits = append(s.edits, edit{at, f})
	}
}

// value returns the value of a string.
func (s *scan) value(at span) string {
	raw := s.text[at.from:at.to]
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : len(raw)-1])
	}
	var v string
	if json.Unmarshal(raw, &v) != nil {
		return ""
	}
	return v
}

// string takes a key or a value.
func (s *scan) string(at span) {
	f := s.top()
	switch {
	case f == nil:
		return
	case f.isKey:
		f.key, f.isKey = s.text[at.from+1:at.to-1], false
		return
	case f.isList:
		if f.isNamed("assertion-stream-urls") {
			s.edits = append(s.edits, edit{at: at})
		}
		return
	}
	switch string(f.key) {
	case "url":
		f.url = at
	case "download_url":
		f.download = at
	case "anon_download_url":
		f.anonymous = at
	case "icon_url":
		f.icon = at
	case "type":
		f.kind = s.value(at)
	case "sha3-384", "download_sha3_384":
		f.digest = newDigest("sha3-384", s.value(at))
	case "hash-sha-256":
		f.digest, f.charm = newDigest("sha256", s.value(at)), true
	}
}

// newDigest returns a digest, or nothing if the hexadecimal text is none.
func newDigest(algorithm, text string) cache.Digest {
	d := cache.Digest(algorithm + ":" + strings.ToLower(text))
	if d.Validate() != nil {
		return ""
	}
	return d
}

// literal takes a number or a word.
func (s *scan) literal(text []byte) {
	f := s.top()
	if f == nil || f.isList {
		return
	}
	switch string(f.key) {
	case "size", "binary_filesize":
		f.size, _ = strconv.ParseInt(string(text), 10, 64) // no size, no file
	case "private":
		if string(text) == "true" {
			s.isPrivate = true
			s.frames[s.owner()].private = true
		}
	}
}

// owner returns the index of the frame that a statement about privacy is about: a result of several, or the whole answer.
func (s *scan) owner() int {
	if len(s.frames) > 2 && s.frames[1].isList && s.frames[1].isNamed("results") {
		return 2
	}
	return 0
}

// apply returns the text with its addresses replaced. An empty replacement leaves an address as it is.
func (s *scan) apply(replace func(edit) string) []byte {
	out := make([]byte, 0, len(s.text)+len(s.edits)*256)
	at := 0
	for _, e := range s.edits {
		to := replace(e)
		if to == "" || e.at.from < at {
			continue
		}
		out = append(out, s.text[at:e.at.from]...)
		if e.isWhole() {
			out = append(out, to...)
		} else {
			out = append(append(append(out, '"'), to...), '"') // URLs of the edge need no escapes
		}
		at = e.at.to
	}
	return append(out, s.text[at:]...)
}
