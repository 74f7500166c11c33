package exporter

import (
	"errors"
	"slices"

	"offlinestore/channel"
	"offlinestore/charm"
	"offlinestore/upstream"
)

// info asks for a charm or bundle by name, once. It returns nil if the store has none.
func (p *charmPlanner) info(name string) (*Charm, error) {
	p.mu.Lock()
	c, known := p.charms[name], p.absent[name]
	p.mu.Unlock()
	if c != nil || known {
		return c, nil
	}
	info, err := p.e.Charmhub.CharmInfo(p.ctx, name, "")
	if errors.Is(err, upstream.ErrNotFound) {
		return p.rememberAbsent(name, storeReason(err)), nil
	}
	if errors.Is(err, upstream.ErrUnavailable) {
		return nil, &StoreError{err} // the store as a whole
	}
	if err != nil {
		return nil, charmError(name, &StoreError{err})
	}
	c = &Charm{Listing: charm.Listing{ID: info.ID, Name: info.Name, Result: info.Result, Type: info.Type}}
	c.created = make(map[int]string, len(info.ChannelMap))
	for _, row := range info.ChannelMap {
		c.created[row.Revision.Number] = row.Revision.CreatedAt
	}
	if d := info.DefaultRelease; d != nil && d.Channel.Track != channel.DefaultTrack {
		c.Listing.DefaultTrack = d.Channel.Track
	}
	c.releasedIn = charmReleases(info, c.Listing.DefaultTrack)
	if c.iconURL = takeCharmIcon(&c.Listing.Result); c.iconURL != "" {
		c.Listing.Unknown = []string{charm.UnknownIcon} // until Fetch has it
	}
	if err := c.Listing.Validate(); err != nil {
		return nil, charmError(name, storeError("the store's answer about %s: %w", name, err))
	}
	return p.remember(name, c), nil
}

// remember records the charm of a name.
func (p *charmPlanner) remember(name string, c *Charm) *Charm {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.charms[name] = c
	return c
}

// rememberAbsent records that the store has no charm of a name. The reason ends with why. It returns nil.
func (p *charmPlanner) rememberAbsent(name, why string) *Charm {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.missing = append(p.missing, Gap{Charm: name, Reason: noSuchCharm + why})
	p.absent[name] = true
	return nil
}

// prefetch asks for all charms by name.
func (p *charmPlanner) prefetch(apps []charm.Application) error {
	var names []string
	for _, a := range apps {
		if !a.Local && !slices.Contains(names, a.Charm) {
			names = append(names, a.Charm)
		}
	}
	return parallel(names, func(name string) error {
		_, err := p.info(name)
		return err
	})
}

// takeCharmIcon removes all pictures except the icon, and returns the URL of the icon.
func takeCharmIcon(d *charm.Details) (url string) {
	media := d.Media
	d.Media = []charm.Media{}
	for _, m := range media {
		if m.Type == "icon" && m.URL != "" && url == "" {
			url, m.URL = m.URL, ""
			d.Media = append(d.Media, m)
		}
	}
	return url
}
