package catalog

import (
	"bytes"
	"encoding/json"
	"fmt"

	"offlinestore/snap"
)

// Outliner decodes the parts of snaps that a search and the channels need. It keeps what many revisions share, so
// that it takes a small part of the time of RawSnap.Decode. Its zero value works, for one goroutine.
type Outliner struct {
	lists      map[string][]string
	epochs     map[string]snap.Epoch
	texts      map[string]string
	categories map[string][]snap.Category
}

// Outline returns a snap without its history, and without the texts of its revisions: they have only Number, Architectures, Epoch,
// Confinement, Type and CommonIDs. Its details have only Title, Summary, Description, Publisher, Categories and Private.
func (o *Outliner) Outline(r *RawSnap) (*Snap, error) {
	s, err := o.revisions(r)
	if err != nil {
		return nil, err
	}
	if err := o.details(&s.Details, r.Details); err != nil {
		return nil, fmt.Errorf("snap %s: %w", r.Name, err)
	}
	s.ChannelMap, s.Overrides = r.ChannelMap, r.Overrides
	if r.Hold == nil {
		return s, nil
	}
	err = s.hold(r.Hold)
	s.History = nil
	return s, err
}

// Releases returns a snap without its details, and with its history. Its revisions are the ones of Outline.
func (o *Outliner) Releases(r *RawSnap) (*Snap, error) {
	s, err := o.revisions(r)
	if err != nil {
		return nil, err
	}
	return s, s.addEvents(r)
}

func (o *Outliner) revisions(r *RawSnap) (*Snap, error) {
	if o.lists == nil {
		o.lists, o.epochs, o.texts = make(map[string][]string), make(map[string]snap.Epoch), make(map[string]string)
		o.categories = make(map[string][]snap.Category)
	}
	s := &Snap{Name: r.Name, SnapID: r.SnapID, DefaultTrack: r.DefaultTrack, Store: r.Store, Icon: r.Icon, Revisions: make([]SnapRevision, len(r.Revisions))}
	for i := range r.Revisions {
		var err error
		if s.Revisions[i], err = o.revision(&r.Revisions[i]); err != nil {
			return nil, fmt.Errorf("snap %s revision %d: %w", r.SnapID, r.Revisions[i].Number, err)
		}
	}
	return s, nil
}

func (o *Outliner) details(d *snap.Details, text []byte) (err error) {
	members(text, func(name, value []byte) bool {
		switch string(name) {
		case "title":
			d.Title, err = textOf(value)
		case "summary":
			d.Summary, err = textOf(value)
		case "description":
			d.Description, err = textOf(value)
		case "private":
			d.Private = string(value) == "true"
		case "categories":
			d.Categories, err = shared(o.categories, value)
		case "publisher":
			err = publisherOf(&d.Publisher, value)
		}
		return err == nil
	})
	return err
}

func publisherOf(p *snap.Publisher, text []byte) (err error) {
	members(text, func(name, value []byte) bool {
		switch string(name) {
		case "display-name":
			p.DisplayName, err = textOf(value)
		case "id":
			p.ID, err = textOf(value)
		case "username":
			p.Username, err = textOf(value)
		case "validation":
			p.Validation, err = textOf(value)
		}
		return err == nil
	})
	return err
}

// textOf decodes a text in JSON.
func textOf(value []byte) (s string, err error) {
	if n := len(value); n >= 2 && value[0] == '"' && bytes.IndexByte(value, '\\') < 0 {
		return string(value[1 : n-1]), nil
	}
	err = json.Unmarshal(value, &s)
	return s, err
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
		case "type":
			rev.Type, err = shared(o.texts, value)
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
