package exporter

import (
	"fmt"
	"slices"

	"offlinestore/channel"
	"offlinestore/charm"
)

// charmQuery asks for a charm for one base, or for one revision of it.
type charmQuery struct {
	app   *charm.Application
	base  charm.Base
	asked channel.Channel
	// otherBase means that base is not the one that was requested, but the nearest one.
	otherBase bool
	// revision is 0 if the channel decides.
	revision int
	// archs are the architectures of the application. If guessed is set, the bundle names only its machines' architectures, and one of
	// archs is enough.
	archs   []string
	guessed bool
}

func (w *charmQuery) gap(reason string) Gap {
	g := Gap{Charm: w.app.Charm, Architecture: w.base.Architecture, Revision: w.revision, Reason: reason}
	if w.revision == 0 {
		g.Channel, g.Base = w.asked.String(), w.base.Name+"@"+w.base.Channel
	}
	return g
}

// action returns the query as Juju would send it. A query for a revision names neither a base nor a channel.
func (w *charmQuery) action() charm.Action {
	a := charm.Action{Name: &w.app.Charm}
	if w.revision > 0 {
		a.Revision = &w.revision
		return a
	}
	ch := w.asked.String()
	a.Channel, a.Base = &ch, &w.base
	return a
}

// queries returns the queries for apps. Charms that the store doesn't have are recorded as missing.
func (p *charmPlanner) queries(apps []charm.Application) ([]*charmQuery, error) {
	if err := p.prefetch(apps); err != nil {
		return nil, err
	}
	var out []*charmQuery
	for i := range apps {
		app := &apps[i]
		if app.Local {
			p.warn("%s is a local charm (%s): carry it separately", app.Name, app.Charm)
			continue
		}
		c, err := p.info(app.Charm)
		if err != nil {
			return nil, err
		}
		if c == nil {
			continue
		}
		if c.Listing.Type != charm.TypeCharm {
			p.missing = append(p.missing, Gap{Charm: app.Charm, Reason: ErrBundle.Error(), kind: ErrBundle})
			continue
		}
		asked, err := c.asked(app.Channel)
		if err != nil {
			return nil, fmt.Errorf("application %s: %w", app.Name, err)
		}
		found := p.queriesFor(app, asked)
		for _, w := range found {
			c.archs = unite(c.archs, w.archs)
		}
		out = append(out, found...)
	}
	return out, nil
}

// queriesFor returns the queries for one application: one for a revision, or one for each architecture of a channel.
func (p *charmPlanner) queriesFor(app *charm.Application, asked channel.Channel) (out []*charmQuery) {
	w := charmQuery{app: app, asked: asked, base: app.Base}
	if w.base.Name == "" {
		w.base = p.req.Base
	}
	if w.base.Name == "" {
		w.base = defaultBase()
	}
	if w.archs = app.Architectures; len(w.archs) == 0 {
		// Juju asks for the model's architecture, and the units run on the architecture of their machines.
		w.archs, w.guessed = unite(p.req.Architectures, app.Beside), len(app.Beside) > 0
	}
	if app.Revision != nil {
		w.revision = *app.Revision
		return []*charmQuery{&w}
	}
	for _, arch := range w.archs {
		one := w
		one.base.Architecture = arch
		out = append(out, &one)
	}
	return out
}

// guessedGap is a gap that counts only if the store has nothing for its application.
type guessedGap struct {
	app *charm.Application
	gap Gap
}

// lacks adds a gap of a query. If the bundle names only the machines of the application, the charm is missing if no architecture has it.
func (p *charmPlanner) lacks(w *charmQuery, g Gap) {
	if w.guessed {
		p.guesses = append(p.guesses, guessedGap{w.app, g})
		return
	}
	p.gap(g)
}

// unite returns the elements of both lists, each once.
func unite(a, b []string) []string {
	out := slices.Clone(a)
	for _, s := range b {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// imageArchitectures returns the architectures of the images of c, or nil for all. Applications may name others than the request.
func (p *charmPlanner) imageArchitectures(c *Charm) []string {
	if p.req.ImageArchitectures == nil {
		return nil
	}
	named := slices.DeleteFunc(slices.Clone(c.archs), func(a string) bool { return slices.Contains(p.req.Architectures, a) })
	return unite(p.req.ImageArchitectures, named)
}
