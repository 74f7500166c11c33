package catalog

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"offlinestore/charm"
)

// charmChannelKey names a row of the charms' channel maps: a bundle's has no base. charmChannelRow is what it holds.
type charmChannelKey struct {
	id, channel string
	base        charm.Base
}

type charmChannelRow struct {
	revision              int
	releasedAt, resources string // resources as JSON
	origin
}

// charmChannels updates the rows of the charms' channel maps that the bundle was asked for.
func (a *applier) charmChannels() error {
	const set = `
		insert into charm_channel_map (charm_id, base, base_channel, architecture, channel, revision, released_at, resources, signed_at, import_id)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		on conflict (charm_id, base, base_channel, architecture, channel) do update set revision = excluded.revision,
			released_at = excluded.released_at, resources = excluded.resources, signed_at = excluded.signed_at, import_id = excluded.import_id`
	have, err := a.loadCharmChannels()
	if err != nil {
		return err
	}
	b := &pgx.Batch{}
	var history [][]any
	for _, c := range a.in.Charms {
		for _, release := range c.ChannelMap {
			key, row, err := a.charmRow(c, release)
			if err != nil {
				return fmt.Errorf("charm %s: channel %s for %s: %w", c.Name, release.Channel, baseName(release.Base), err)
			}
			changed, released := a.charmChannel(have, c.Name, key, row)
			var revision *int // null where the channel is closed
			if row.revision != 0 {
				revision = &row.revision
			}
			args := []any{key.id, key.base.Name, key.base.Channel, key.base.Architecture, key.channel, revision, row.releasedAt, row.resources, a.in.SignedAt, a.id}
			if changed {
				b.Queue(set, args...)
			}
			if released {
				history = append(history, args)
			}
		}
	}
	if err := a.send(b); err != nil {
		return err
	}
	return a.copy("charm_channel_history", []string{"charm_id", "base", "base_channel", "architecture", "channel", "revision", "released_at",
		"resources", "signed_at", "import_id"}, history)
}

func (a *applier) loadCharmChannels() (map[charmChannelKey]charmChannelRow, error) {
	const q = `
		select charm_id, base, base_channel, architecture, channel, coalesce(revision, 0), released_at, resources, c.signed_at, bundle, signer, sequence
		from charm_channel_map c join import i on import_id = i.id where charm_id = any($1)`
	have := make(map[charmChannelKey]charmChannelRow)
	var k charmChannelKey
	var r charmChannelRow
	err := a.each(q, a.charmIDs(), []any{&k.id, &k.base.Name, &k.base.Channel, &k.base.Architecture, &k.channel, &r.revision, &r.releasedAt, &r.resources,
		&r.signedAt, &r.bundle, &r.signer, &r.sequence}, func() { have[k] = r })
	return have, err
}

// charmRow is a release as a row, if everything that it names is there.
func (a *applier) charmRow(c ImportedCharm, r charm.Release) (charmChannelKey, charmChannelRow, error) {
	key := charmChannelKey{id: c.ID, channel: r.Channel}
	if r.Base != nil {
		key.base = *r.Base
	}
	if _, ok := a.knownCharms[revisionKey{c.ID, r.Revision}]; !ok && r.Revision != 0 {
		return key, charmChannelRow{}, fmt.Errorf("revision %d: %w", r.Revision, errNoRevision)
	}
	for _, ref := range r.Resources {
		if _, ok := a.knownResources[resourceKey{c.ID, ref.Name, ref.Revision}]; !ok {
			return key, charmChannelRow{}, fmt.Errorf("resource %s revision %d: %w", ref.Name, ref.Revision, errNoRevision)
		}
	}
	// In one order, so that the same release is the same text.
	resources := slices.SortedFunc(slices.Values(r.Resources), func(a, b charm.ResourceRef) int { return strings.Compare(a.Name, b.Name) })
	if resources == nil {
		resources = []charm.ResourceRef{}
	}
	raw, err := json.Marshal(resources)
	return key, charmChannelRow{r.Revision, r.ReleasedAt, string(raw), a.in.origin()}, err
}

// charmChannel decides about one row: whether it changes in any way, and whether that is a release to remember. A newer bundle's
// row stays.
func (a *applier) charmChannel(have map[charmChannelKey]charmChannelRow, name string, key charmChannelKey, row charmChannelRow) (changed, released bool) {
	old, ok := have[key]
	from := old.revision
	if !ok {
		from = -1
	}
	move := CharmMove{Charm: name, Channel: key.channel, From: from, To: row.revision}
	if key.base != (charm.Base{}) {
		move.Base = key.base.String()
	}
	if ok && old.newerThan(a.in) && !a.in.PushChannelMap {
		if from != row.revision {
			a.r.KeptCharms = append(a.r.KeptCharms, move)
		}
		return false, false
	}
	have[key] = row
	if from != row.revision {
		a.r.CharmMoves = append(a.r.CharmMoves, move)
	}
	released = from != row.revision || old.releasedAt != row.releasedAt || old.resources != row.resources
	return released || !old.is(a.in), released
}

func baseName(b *charm.Base) string {
	if b == nil {
		return "any base"
	}
	return b.String()
}
