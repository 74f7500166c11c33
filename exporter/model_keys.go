package exporter

import (
	"errors"
	"fmt"

	"offlinestore/assertion"
	"offlinestore/upstream"
)

// modelKeyIDs returns the keys that sign Canonical's models: a key of the account canonical (Ubuntu Core) and one of the account ubuntu
// (Ubuntu Desktop). Builders of images fetch the key of their model from the store, and no snap leads to it. The keys of generic devices
// are compiled into the server.
func modelKeyIDs() []string {
	return []string{
		"9tydnLa6MTJ-jaQTFUXEwHl1yRx7ZS4K5cyFDhYDcPzhS7uyEkDxdUjg9g08BtNn",
		"vFwb6rRQsPBMp11YGJx5klqbY0xz2Z04nu9Y6RbARSSNWa2YivC-hI-gB4-ejIEw",
	}
}

// startsImages reports whether each image has the snap: snapd, or core in images without it.
func (s *Snap) startsImages() bool {
	for _, r := range s.Revisions {
		if r.Type == "snapd" || r.Type == "os" {
			return true
		}
	}
	return false
}

// fetchModelKeys fetches keys of models, and returns their references. An export goes without a key that the store does not have. It also
// goes without one that can't be verified, or fetched with one request in the time of an optional fetch. That is a warning.
func (f *fetcher) fetchModelKeys(ids []string) (refs []assertion.Ref) {
	short, cancel := f.e.optionalContext(f.ctx, 0)
	defer cancel()
	once := *f.e
	once.Client = f.e.Client.Once()
	g := &fetcher{e: &once, clients: []*upstream.Client{once.Client}, ctx: short, have: f.have}
	for _, id := range ids {
		ref := assertion.Ref{Type: "account-key", PrimaryKey: []string{id}}
		stream, err := g.stream(ref)
		if err == nil {
			err = g.verifyStream(stream)
		}
		switch {
		case err == nil:
			refs = append(refs, ref)
		case f.ctx.Err() != nil:
			return nil
		case !errors.Is(err, upstream.ErrNotFound):
			f.e.Progress.Warn(fmt.Sprintf("the bundle goes without a key of Canonical's models, which builders of images need: %v", err))
			if errors.Is(err, upstream.ErrUnavailable) || short.Err() != nil {
				return refs // the store gives no answer, so it is not asked again
			}
		}
	}
	return refs
}

func (f *fetcher) verifyStream(stream []byte) error {
	list, err := assertion.DecodeAll(stream)
	if err != nil {
		return err
	}
	v := &assertion.Verifier{Trust: f.e.Trust, Source: assertion.NewSet(list...), Time: f.e.Time}
	for _, a := range list {
		if err := v.Verify(a); err != nil {
			return err
		}
	}
	return nil
}
