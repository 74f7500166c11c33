package catalog

import (
	"bytes"
	"encoding/json"

	"offlinestore/snap"
)

// Outliner decodes the parts of snaps that a search and the channels need. It keeps what many revisions share, so
// that it takes a small part of the time of RawSnap.Decode. Its zero value works, for one goroutine.
type Outliner struct {
	lists  map[string][]string
	epochs map[string]snap.Epoch
	texts  map[string]string
}

// Outline returns a snap without the texts of its revisions: they have only Number, Architectures, Epoch, Confinement and CommonIDs.
func (o *Outliner) Outline(r *RawSnap) (*Snap, error) {
	if o.lists == nil {
		o.lists, o.epochs, o.texts = make(map[string][]string), make(map[string]snap.Epoch), make(map[string]string)
	}
	return r.decode(o.revision)
}

func (o *Outliner) revision(raw *RawRevision) (rev SnapRevision, err error) {
	rev.Number = raw.Number
	members(raw.Item, func(name, value []byte) bool {
		switch string(name) {
		case "architectures":
			rev.Architectures, err = shared(o.lists, value)
		case "epoch":
			rev.Epoch, err = shared(o.epochs, value)
		case "confinement":
			rev.Confinement, err = shared(o.texts, value)
		case "common-ids":
			if !bytes.Equal(value, []byte("[]")) && !bytes.Equal(value, []byte("null")) {
				err = json.Unmarshal(value, &rev.CommonIDs)
			}
		}
		return err == nil
	})
	return rev, err
}

// maxShared bounds the values that an Outliner keeps of a kind. Clean catalogues have some dozens.
const maxShared = 1000

// shared decodes a value, or returns the one that was decoded before.
func shared[T any](known map[string]T, text []byte) (v T, err error) {
	if v, ok := known[string(text)]; ok {
		return v, nil
	}
	if err := json.Unmarshal(text, &v); err != nil {
		return v, err
	}
	if len(known) < maxShared {
		known[string(text)] = v
	}
	return v, nil
}
