package server

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// fieldSet is a set of the fields that a client may ask for.
type fieldSet uint32

// The fields of a snap in an answer, in the order of fieldNames.
const (
	fArchitectures fieldSet = 1 << iota
	fBase
	fCategories
	fCommonIDs
	fConfinement
	fContact
	fCreatedAt
	fDescription
	fDownload
	fEpoch
	fLicense
	fLinks
	fMedia
	fName
	fPrices
	fPrivate
	fPublisher
	fResources
	fRevision
	fSnapID
	fSnapYAML
	fStoreURL
	fSummary
	fTitle
	fType
	fVersion
	fWebsite
	fEnd
)

const (
	allFields = fEnd - 1
	// revisionFields differ from revision to revision, the others are of the snap.
	revisionFields = fArchitectures | fBase | fCommonIDs | fConfinement | fCreatedAt | fDownload | fEpoch | fResources | fRevision |
		fSnapYAML | fType | fVersion
	snapFields = allFields &^ revisionFields
	// urlFields hold URLs of ours.
	urlFields = fDownload | fMedia | fResources
	numFields = 27
)

// originMark stands in prepared text for the origin of our URLs. It can't occur in JSON.
const originMark = 0

// fieldNames are in the order of the alphabet, as the store prints them.
var fieldNames = [numFields]string{"architectures", "base", "categories", "common-ids", "confinement", "contact", "created-at",
	"description", "download", "epoch", "license", "links", "media", "name", "prices", "private", "publisher", "resources", "revision",
	"snap-id", "snap-yaml", "store-url", "summary", "title", "type", "version", "website"}

var fieldByName = func() map[string]fieldSet {
	m := make(map[string]fieldSet, numFields)
	for i, name := range fieldNames {
		m[name] = 1 << i
	}
	return m
}()

// fieldSetOf makes a set of the fields that names has; unknown ones are passed over, as clients of other versions ask for them.
// No names at all are everything.
func fieldSetOf(names []string) fieldSet {
	if len(names) == 0 {
		return allFields
	}
	var set fieldSet
	for _, name := range names {
		set |= fieldByName[name]
	}
	return set
}

// object is the prepared text of fields: `"name":value,` for each that has a value.
type object struct {
	text []byte
	end  [numFields]uint32
}

// newObject prepares the fields of set. Those for which value returns nil are left out.
func newObject(set fieldSet, value func(fieldSet) any) (object, error) {
	var o object
	for i, name := range fieldNames {
		if f := fieldSet(1) << i; set&f != 0 {
			if v := value(f); v != nil {
				text, err := marshal(v)
				if err != nil {
					return o, fmt.Errorf("encode %s: %w", name, err)
				}
				if urlFields&f != 0 {
					text = bytes.ReplaceAll(text, []byte(`"\u0000/`), []byte("\"\x00/"))
				}
				o.text = append(append(append(append(o.text, '"'), name...), `":`...), text...)
				o.text = append(o.text, ',')
			}
		}
		o.end[i] = uint32(len(o.text))
	}
	return o, nil
}

// marshal encodes v as the store does, without escapes for HTML.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// markedURL is a URL of ours before the origin is known.
func markedURL(path string) string { return "\x00" + path }

// appendFields appends the object with the fields of set, taken from rev or from snap.
func appendFields(dst []byte, set fieldSet, rev, snap *object, origin string) []byte {
	dst = append(dst, '{')
	start := len(dst)
	for i := range numFields {
		f := fieldSet(1) << i
		if set&f == 0 {
			continue
		}
		o := snap
		if revisionFields&f != 0 {
			o = rev
		}
		from := uint32(0)
		if i > 0 {
			from = o.end[i-1]
		}
		text := o.text[from:o.end[i]]
		if urlFields&f != 0 {
			dst = appendURLs(dst, text, origin)
			continue
		}
		dst = append(dst, text...)
	}
	if len(dst) > start {
		dst = dst[:len(dst)-1]
	}
	return append(dst, '}')
}

// appendURLs appends text with origin in the place of each mark.
func appendURLs(dst, text []byte, origin string) []byte {
	for {
		i := bytes.IndexByte(text, originMark)
		if i < 0 {
			return append(dst, text...)
		}
		dst = append(append(dst, text[:i]...), origin...)
		text = text[i+1:]
	}
}

// appendString appends s as a JSON string.
func appendString(dst []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= 0x7f {
			text, _ := marshal(s)
			return append(dst, text...)
		}
	}
	return append(append(append(dst, '"'), s...), '"')
}
