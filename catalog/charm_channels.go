package catalog

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"offlinestore/channel"
	"offlinestore/channelmap"
	"offlinestore/charm"
	"offlinestore/difference"
)

// charmPlatform is a charm on a base. The base is zero for a charm bundle.
type charmPlatform struct {
	id   string
	base charm.Base
}

// charmLedger has the rows of the channel maps of several charms, with the resources of each row as JSON.
type charmLedger = channelmap.Ledger[charmPlatform, string]

// charmChannels updates the rows of the charms' channel maps that the bundle's export asked for.
func (a *applier) charmChannels() error {
	const set = `
		insert into charm_channel_map (charm_id, base, base_channel, architecture, channel, revision, released_at, resources, signed_at, import_id)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		on conflict (charm_id, base, base_channel, architecture, channel) do update set revision = excluded.revision,
			released_at = excluded.released_at, resources = excluded.resources, signed_at = excluded.signed_at, import_id = excluded.import_id`
	b := &pgx.Batch{}
	var history [][]any
	for _, c := range a.in.Charms {
		for _, release := range c.ChannelMap {
			resources, err := a.resources(c.ID, release)
			if err != nil {
				return fmt.Errorf("charm %s: channel %s for %s: %w", c.Name, release.Channel, baseName(release.Base), err)
			}
			outcome, err := a.charmChannel(a.charmLedger, c, release, resources)
			if err != nil {
				return fmt.Errorf("charm %s: %w", c.Name, err)
			}
			base := bareBase(release.Base)
			if outcome.Writes() {
				a.replaceCharmRow(c.ID, base, release.Channel)
			}
			args := []any{c.ID, base.Name, base.Channel, base.Architecture, release.Channel, openRevision(release.Revision), release.ReleasedAt,
				resources, a.in.SignedAt, a.id}
			if outcome.Writes() {
				b.Queue(set, args...)
			}
			if outcome.Releases() {
				history = append(history, args)
			}
		}
	}
	if err := a.write(b); err != nil {
		return err
	}
	return a.insert("charm_channel_history", []string{"charm_id", "base", "base_channel", "architecture", "channel", "revision", "released_at",
		"resources", "signed_at", "import_id"}, history)
}

// loadCharmChannels loads the rows of the import's charms.
func (a *applier) loadCharmChannels() {
	const q = `
		select charm_id, base, base_channel, architecture, channel, coalesce(revision, 0), released_at, resources, import_id, c.signed_at, bundle, signer, sequence
		from charm_channel_map c join import i on import_id = i.id where charm_id = any($1)`
	a.charmLedger = new(charmLedger)
	var id, resources string
	var base charm.Base
	var r charm.Release
	var o origin
	var importID int64
	a.charmRows = make(map[string]replacedCharmRow)
	dest := []any{&id, &base.Name, &base.Channel, &base.Architecture, &r.Channel, &r.Revision, &r.ReleasedAt, &resources, &importID}
	a.read(q, a.charmIDs(), slices.Concat(dest, o.columns()), func() error {
		row, err := charmRow(charmPlatform{id, base}, r, resources)
		a.charmLedger.Load(row, o.Origin)
		was := replacedCharmRow{id, base, r.Channel, statement{importID, o.SignedAt}, r.Revision, r.ReleasedAt, json.RawMessage(resources)}
		a.charmRows[was.key()] = was
		return err
	})
}

func charmRow(p charmPlatform, r charm.Release, resources string) (channelmap.Row[charmPlatform, string], error) {
	c, err := channel.Parse(r.Channel)
	return channelmap.NewRow(p, c, channelmap.Release[string]{Revision: r.Revision, ReleasedAt: r.ReleasedAt, Value: resources}), err
}

// resources returns the resources of a release as JSON, if these resources and the release's revision are in the catalogue.
func (a *applier) resources(id string, r charm.Release) (string, error) {
	if _, ok := a.knownCharms[revisionKey{id, r.Revision}]; !ok && r.Revision != 0 {
		return "", fmt.Errorf("revision %d: %w", r.Revision, errNoRevision)
	}
	for _, ref := range r.Resources {
		if _, ok := a.knownResources[resourceKey{id, ref.Name, ref.Revision}]; !ok {
			return "", fmt.Errorf("resource %s revision %d: %w", ref.Name, ref.Revision, errNoRevision)
		}
	}
	// The order is fixed, so that the same release has the same text.
	list := slices.SortedFunc(slices.Values(r.Resources), func(a, b charm.ResourceRef) int { return strings.Compare(a.Name, b.Name) })
	if list == nil {
		list = []charm.ResourceRef{}
	}
	raw, err := json.Marshal(list)
	return string(raw), err
}

// charmChannel applies one row, and reports the change.
func (a *applier) charmChannel(ledger *charmLedger, c ImportedCharm, r charm.Release, resources string) (channelmap.Outcome, error) {
	base := bareBase(r.Base)
	row, err := charmRow(charmPlatform{c.ID, base}, r, resources)
	if err != nil {
		return 0, err
	}
	if staysWithdrawn(a, ledger, row.Key, Withdrawal{Kind: ItemCharm, Name: c.Name, ID: c.ID}) {
		return channelmap.Unchanged, nil
	}
	before := ledger.Releases(row.Key)
	outcome := apply(a, ledger, row)
	move := CharmMove{Charm: c.Name, Channel: r.Channel, From: outcome.From, To: outcome.To}
	if base != (charm.Base{}) {
		move.Base = base.String()
	}
	switch {
	case outcome.Outcome == channelmap.Kept && outcome.From != outcome.To && !a.in.PushChannelMap: // with it, a later import sets the row
		a.r.KeptCharms = append(a.r.KeptCharms, move)
	case outcome.Outcome == channelmap.Moved:
		a.r.CharmMoves = append(a.r.CharmMoves, move)
	}
	if outcome.Releases() && outcome.From > 0 && outcome.To > 0 {
		err = a.updateRelease(difference.Change{Charm: c.Name, Channel: move.Channel, Base: move.Base}, before[0], r)
	}
	return outcome.Outcome, err
}

// updateRelease reports the changes of an open row that stays open: the resources that are released with it, or else the time of a
// repeated release.
func (a *applier) updateRelease(row difference.Change, old channelmap.Release[string], r charm.Release) error {
	var resources []charm.ResourceRef
	if err := json.Unmarshal([]byte(old.Value), &resources); err != nil {
		return err
	}
	changes := difference.OfReleasedResources(row, resources, r.Resources)
	if len(changes) == 0 {
		changes = difference.OfReleaseTime(row, old.ReleasedAt, r.ReleasedAt)
	}
	a.r.update(changes...)
	return nil
}

// bareBase returns the base of a row for its columns: zero for a charm bundle.
func bareBase(b *charm.Base) charm.Base {
	if b == nil {
		return charm.Base{}
	}
	return *b
}

func baseName(b *charm.Base) string {
	if b == nil {
		return "any base"
	}
	return b.String()
}
