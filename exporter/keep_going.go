package exporter

import (
	"errors"
	"slices"

	"offlinestore/upstream"
)

// Item names a part of a request: a snap or a charm, for one architecture if that is given, or an assertion.
type Item struct {
	Snap, Charm, Architecture string
	// ValidationSet is in the form of the request. AccountKey is the ID of a key. Image is the reference of an image in the request.
	ValidationSet, AccountKey, Image string
}

// String returns the item in words.
func (i Item) String() string {
	s := "snap " + i.Snap
	switch {
	case i.Charm != "":
		s = "charm " + i.Charm
	case i.ValidationSet != "":
		s = "validation set " + i.ValidationSet
	case i.Image != "":
		s = "image " + i.Image
	case i.AccountKey != "":
		s = "account-key " + i.AccountKey
	}
	if i.Architecture != "" {
		s += " for " + i.Architecture
	}
	return s
}

// LeftOut is a part of a request that the export goes without, with the reason.
type LeftOut struct {
	Item   string `json:"item"`
	Reason string `json:"reason"`
}

// ItemError is an error about items of a request. The others can be exported without them.
type ItemError struct {
	Items []Item
	Err   error
}

func (e *ItemError) Error() string { return e.Err.Error() }

func (e *ItemError) Unwrap() error { return e.Err }

// Blamed returns the items of the request without which the export would not have failed with err. It returns none if the request, this
// host or the store as a whole is to blame.
func Blamed(err error) []Item {
	var missing *MissingError
	var item *ItemError
	var store *StoreError
	var private *PrivateError
	switch {
	case errors.Is(err, ErrConflict), errors.Is(err, upstream.ErrUnauthorized):
		return nil
	case errors.As(err, &item) && (errors.As(err, &store) || errors.As(err, &missing) || errors.As(err, &private)):
		return item.Items
	}
	return nil
}

// without reports whether the request leaves out a snap or a charm for an architecture.
func (r *Request) without(i Item) bool {
	whole := i
	whole.Architecture = ""
	return slices.Contains(r.Without, i) || slices.Contains(r.Without, whole)
}

// leavesOut returns a snap of a validation set that the request leaves out, for any architecture, or "".
func (r *Request) leavesOut(queries []*snapQuery) string {
	for _, q := range queries {
		if slices.ContainsFunc(r.Without, func(i Item) bool { return i.Snap == q.name }) {
			return q.name
		}
	}
	return ""
}

// architectures returns the architectures for which a requested snap is exported.
func (r *Request) architectures(name string) []string { return r.among(name, r.Architectures) }

// among returns the architectures of a list for which the request does not leave out a snap.
func (r *Request) among(name string, archs []string) []string {
	return slices.DeleteFunc(slices.Clone(archs), func(a string) bool { return r.without(Item{Snap: name, Architecture: a}) })
}

// itemError returns err as an error about one item, unless the store as a whole is to blame, or the item is none, as a model is.
func itemError(i Item, err error) error {
	if err == nil || i == (Item{}) || errors.Is(err, upstream.ErrUnavailable) {
		return err
	}
	return &ItemError{[]Item{i}, err}
}

// charmError returns err as an error about a charm.
func charmError(name string, err error) error {
	if err == nil {
		return nil
	}
	return &ItemError{[]Item{{Charm: name}}, err}
}

// missingCharms returns the error about charms that the store lacks.
func missingCharms(gaps []Gap) error {
	e := &ItemError{Err: &MissingError{gaps}}
	for _, g := range gaps {
		e.Items = append(e.Items, Item{Charm: g.Charm})
	}
	return e
}

// snapError returns err as an error about the requested snaps that lead to the named ones among snaps.
func snapError(snaps map[string]*Snap, names []string, arch string, err error) error {
	e := &ItemError{Err: err}
	seen := make(map[string]bool)
	for todo := slices.Clone(names); len(todo) > 0; todo = todo[1:] {
		name := todo[0]
		if seen[name] {
			continue
		}
		seen[name] = true
		if s := snaps[name]; s != nil && len(s.NeededBy) > 0 {
			todo = append(todo, s.NeededBy...)
			continue
		}
		e.Items = append(e.Items, Item{Snap: name, Architecture: arch})
	}
	return e
}

// blame returns err as an error about the requested snaps that lead to a query. arch is empty if it is about all architectures.
func (p *planner) blame(w *snapQuery, arch string, err error) error {
	return snapError(p.snaps, w.blamed(), arch, err)
}

// blamed returns the names of the snaps that lead to a query.
func (w *snapQuery) blamed() []string {
	if w.need != nil {
		return w.need.by
	}
	return []string{w.name}
}

// blameMissing returns err as an error about the requested snaps that lead to its gaps, which are the answers to queries.
func (p *planner) blameMissing(err *MissingError, queries []*snapQuery) error {
	e := &ItemError{Err: err}
	for _, g := range err.Gaps {
		names, arch := []string{g.Snap}, ""
		if i := slices.IndexFunc(queries, func(w *snapQuery) bool { return w.name == g.Snap && w.need != nil }); i >= 0 {
			names, arch = queries[i].need.by, g.Architecture
		}
		var one *ItemError
		if errors.As(snapError(p.snaps, names, arch, err), &one) {
			for _, i := range one.Items {
				if !slices.Contains(e.Items, i) {
					e.Items = append(e.Items, i)
				}
			}
		}
	}
	return e
}

// blame returns err as an error about the requested snaps that lead to a planned one.
func (p *Plan) blame(name string, err error) error {
	snaps := make(map[string]*Snap, len(p.Snaps))
	for _, s := range p.Snaps {
		snaps[s.Listing.Name] = s
	}
	return snapError(snaps, []string{name}, "", err)
}

// leaveOut records a part of an image that the export goes without.
func (p *imagePlanner) leaveOut(item string, err error) {
	p.leftMu.Lock()
	defer p.leftMu.Unlock()
	p.plan.LeftOut = append(p.plan.LeftOut, LeftOut{item, err.Error()})
}
