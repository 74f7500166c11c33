package exporter

import (
	"context"
	"errors"

	"golang.org/x/sync/errgroup"

	"offlinestore/assertion"
	"offlinestore/snap"
	"offlinestore/upstream"
)

// questionsAtOnce bounds the goroutines that ask a store. Its client bounds the requests under way.
const questionsAtOnce = 32

// parallel calls fn for each element of all, for several at once.
func parallel[T any](all []T, fn func(T) error) error {
	g := new(errgroup.Group)
	g.SetLimit(questionsAtOnce)
	for _, one := range all {
		g.Go(func() error { return fn(one) })
	}
	return g.Wait()
}

// infoAnswer is the store's answer about a snap by name.
type infoAnswer struct {
	info *snap.InfoResponse
	err  error
	// view is set if only the devices of its store see the snap.
	view *storeView
}

// askInfos asks for the snaps of queries that are not planned yet. It ends early if the store as a whole gives no answer.
func (p *planner) askInfos(queries []*snapQuery) (map[string]*infoAnswer, error) {
	answers := make(map[string]*infoAnswer)
	g, ctx := errgroup.WithContext(p.ctx)
	g.SetLimit(questionsAtOnce)
	for _, w := range queries {
		if p.snaps[w.name] != nil || answers[w.name] != nil {
			continue
		}
		a := &infoAnswer{}
		answers[w.name] = a
		g.Go(func() error {
			p.askInfo(ctx, w.name, queries, a)
			if errors.Is(a.err, upstream.ErrUnavailable) {
				return a.err
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, &StoreError{err}
	}
	return answers, nil
}

// askInfo asks for a snap by name. A snap without releases has no answer, but a store may have revisions that are in no channel, because a
// validation set pins them. If the store hides the snap from other devices, it is asked on behalf of the devices of the store.
func (p *planner) askInfo(ctx context.Context, name string, queries []*snapQuery, a *infoAnswer) {
	c := p.client(name)
	a.info, a.err = c.Info(ctx, name)
	p.askInside(a, name, func(inside *upstream.Client) (*snap.InfoResponse, error) { return inside.Info(ctx, name) })
	if !errors.Is(a.err, upstream.ErrNotFound) {
		return
	}
	byNumber := func(c *upstream.Client) (*snap.InfoResponse, error) { return askByNumber(ctx, c, name, queries) }
	if info, err := byNumber(c); err != nil || info != nil {
		a.info, a.err = info, err
	}
	p.askInside(a, name, byNumber)
}

// askByNumber asks for a snap by the revisions that queries name. It returns nil if there is none.
func askByNumber(ctx context.Context, c *upstream.Client, name string, queries []*snapQuery) (*snap.InfoResponse, error) {
	for _, w := range queries {
		if w.name != name || w.revision == 0 {
			continue
		}
		for _, arch := range w.archs {
			results, err := c.Resolve(ctx, arch, []snap.Action{w.action()})
			if err != nil {
				return nil, err
			}
			if found := results[0].Snap; found != nil && results[0].Error == nil {
				details := snap.InfoSnap{Details: found.Details, Name: found.Name, SnapID: found.SnapID}
				return &snap.InfoResponse{Name: found.Name, SnapID: found.SnapID, Snap: details}, nil
			}
		}
	}
	return nil, nil
}

// askResolve asks for the revisions that devices of each architecture would get.
func (p *planner) askResolve(archs []string, queries []*snapQuery) (map[string][]snap.Result, error) {
	answers := make([][]snap.Result, len(archs))
	g, ctx := errgroup.WithContext(p.ctx)
	g.SetLimit(questionsAtOnce)
	for i, arch := range archs {
		g.Go(func() (err error) {
			answers[i], err = p.ask(ctx, arch, forArchitecture(arch, queries))
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	out := make(map[string][]snap.Result, len(archs))
	for i, arch := range archs {
		out[arch] = answers[i]
	}
	return out, nil
}

// maxLevels bounds the prerequisites that are asked for ahead. Genuine ones are three deep, and stream asks for deeper ones.
const maxLevels = 8

// assertionAnswer is the store's answer about an assertion: it, in one or more formats, or an error.
type assertionAnswer struct {
	list []*assertion.Assertion
	err  error
}

// askAhead asks for assertions and their prerequisites, level by level, and keeps the answers for getAssertions. It keeps errors, too,
// so that the first one in the order of the export is reported.
func (f *fetcher) askAhead(refs []assertion.Ref) {
	for range maxLevels {
		if refs = f.unasked(refs); len(refs) == 0 {
			return
		}
		g, ctx := errgroup.WithContext(f.ctx)
		g.SetLimit(questionsAtOnce)
		answers := make([]assertionAnswer, len(refs))
		for i, ref := range refs {
			g.Go(func() error {
				a := &answers[i]
				if a.list, a.err = f.ask(ctx, ref); errors.Is(a.err, upstream.ErrUnavailable) {
					return a.err
				}
				return nil
			})
		}
		if err := g.Wait(); err != nil {
			f.down = err
			return
		}
		var next []assertion.Ref
		for i, ref := range refs {
			f.have[ref.Key()] = answers[i]
			for _, a := range answers[i].list {
				next = append(next, a.Prerequisites()...)
			}
		}
		refs = next
	}
}

// unasked returns the references to ask for, each once.
func (f *fetcher) unasked(refs []assertion.Ref) (out []assertion.Ref) {
	seen := make(map[string]bool)
	for _, ref := range refs {
		if _, known := f.have[ref.Key()]; known || seen[ref.Key()] || f.e.Trust.Has(ref) {
			continue
		}
		seen[ref.Key()] = true
		out = append(out, ref)
	}
	return out
}

// askForSnaps asks ahead for the assertions that the planned snaps and their revisions need, and for the declarations of the ones that
// are gone.
func (f *fetcher) askForSnaps(p *Plan) {
	var refs []assertion.Ref
	for _, w := range p.Withdrawals {
		if w.ID != "" {
			refs = append(refs, declarationRef(w.ID))
		}
	}
	for _, s := range p.Snaps {
		refs = append(refs, declarationRef(s.Listing.SnapID))
		for _, r := range s.Revisions {
			of, err := revisionRefs(s.Listing.SnapID, &r.Revision)
			if err != nil {
				continue // fetcher.snap reports it
			}
			refs = append(refs, of...)
		}
	}
	f.askAhead(refs)
}

// askForAccounts asks ahead for the accounts of the charms' publishers.
func (f *fetcher) askForAccounts(p *Plan) {
	var refs []assertion.Ref
	for _, c := range p.Charms {
		if id := c.Listing.Result.Publisher.ID; id != "" && !c.prepared {
			refs = append(refs, assertion.Ref{Type: "account", PrimaryKey: []string{id}})
		}
	}
	f.askAhead(refs)
}
