package exporter

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"offlinestore/assertion"
	"offlinestore/bundle"
	"offlinestore/upstream"
)

// optionalTime is the time that all fetches of one optional kind may take together in an export.
const optionalTime = 10 * time.Second

// errOptionalTime ends the optional fetches whose time is over.
var errOptionalTime = errors.New("no answer in the time that an export waits for it")

// The kinds of optional parts.
const (
	PartIcon     = "icon"
	PartAccount  = "account"
	PartReferrer = "referrer"
)

// Unfetched names the snaps and charms of which an optional part could not be fetched. The export goes without, and a store that has the part
// keeps it.
type Unfetched struct {
	// Part is PartIcon, PartAccount or PartReferrer.
	Part string
	// Of are the names of the snaps and charms, sorted.
	Of []string
	// Err is the reason for the first of them.
	Err error
}

// String returns one sentence for all of them.
func (u *Unfetched) String() string {
	const shown = 5
	names := strings.Join(u.Of[:min(len(u.Of), shown)], ", ")
	if more := len(u.Of) - shown; more > 0 {
		names += fmt.Sprintf(" and %d more", more)
	}
	what := map[string]string{PartIcon: "icon", PartAccount: "account of its publisher", PartReferrer: "signatures and attestations of its images, or some of them"}[u.Part]
	return fmt.Sprintf("%s: exported without the %s, so a store that has it keeps it: %v", names, what, u.Err)
}

// addUnfetched records that an optional part of an item could not be fetched. The error of the first name stands for all.
func (p *Plan) addUnfetched(part, of string, err error) {
	i := slices.IndexFunc(p.Unfetched, func(u *Unfetched) bool { return u.Part == part })
	if i < 0 {
		p.Unfetched, i = append(p.Unfetched, &Unfetched{Part: part}), len(p.Unfetched)
	}
	u := p.Unfetched[i]
	if at, found := slices.BinarySearch(u.Of, of); !found {
		u.Of = slices.Insert(u.Of, at, of)
		if at == 0 {
			u.Err = err
		}
	}
}

// optionalContext returns a context for optional fetches of which the earlier ones took spent.
func (e *Exporter) optionalContext(ctx context.Context, spent time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, max(0, cmp.Or(e.OptionalTime, optionalTime)-spent), errOptionalTime)
}

// fetchAccounts fetches the account of each charm's publisher with its prerequisites, and verifies it. Juju works without it.
func (e *Exporter) fetchAccounts(ctx context.Context, p *Plan) error {
	short, cancel := e.optionalContext(ctx, 0)
	defer cancel()
	once := *e
	once.Client = e.Client.Once()
	f := once.newFetcher(short)
	f.askForAccounts(p)
	var dead error // the store gives no answer, so it is not asked again
	for _, c := range p.Charms {
		if c.prepared {
			continue // Fetch is called again after AddSnaps
		}
		err := dead
		if err == nil {
			err = f.account(c)
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		switch status := (*upstream.StatusError)(nil); {
		case err == nil:
		case errors.Is(err, upstream.ErrNotFound):
			e.Progress.Warn(fmt.Sprintf("%s goes without the account of its publisher: %v", c.Listing.Name, err))
		case errors.Is(err, upstream.ErrUnavailable) || short.Err() != nil:
			dead = err
			fallthrough
		case errors.As(err, &status):
			p.addUnfetched(PartAccount, c.Listing.Name, err)
		default:
			return fmt.Errorf("%s: assertions: %w", c.Listing.Name, err)
		}
		if _, err := e.verifyHead(&bundle.Head{Charms: []*bundle.Charm{c.item()}}); err != nil {
			return err
		}
		c.prepared = true
	}
	return nil
}

// account fetches the account of a charm's publisher with its prerequisites.
func (f *fetcher) account(c *Charm) error {
	id := c.Listing.Result.Publisher.ID
	if id == "" {
		f.e.Progress.Warn(fmt.Sprintf("%s: the store doesn't say who publishes it", c.Listing.Name))
		return nil
	}
	stream, err := f.stream(assertion.Ref{Type: "account", PrimaryKey: []string{id}})
	if err == nil && len(stream) > 0 {
		c.assertions = stream
	}
	return err
}
