package catalog

import (
	"encoding/json"
	"slices"

	"github.com/jackc/pgx/v5"

	"offlinestore/channelmap"
	"offlinestore/charm"
)

// Withdrawal is the statement of a bundle that the store upstream does not offer a snap or charm any more. ID is empty if the bundle does
// not name it.
type Withdrawal struct {
	Kind   ItemKind `json:"kind"` // ItemSnap or ItemCharm; a charm bundle counts as a charm
	Name   string   `json:"name"`
	ID     string   `json:"id,omitempty"`
	Reason string   `json:"reason"`
}

// withdrawalKey names the statement about whether a snap or charm is withdrawn.
type withdrawalKey struct {
	kind ItemKind
	name string
}

func (w Withdrawal) key() withdrawalKey { return withdrawalKey{w.Kind, w.Name} }

// isSame reports whether two withdrawals are about the same snap or charm.
func (w Withdrawal) isSame(other Withdrawal) bool { return w.key() == other.key() }

// statedWithdrawal is a withdrawal with the bundle that states it.
type statedWithdrawal struct {
	Withdrawal
	origin
	importID int64
}

// withdraw records the withdrawals of the import. It closes the channels of withdrawn snaps and charms, unless a newer bundle has set
// them. Withdrawals are remembered, so that an older bundle that is pushed later does not open the channels again.
func (a *applier) withdraw() error {
	known := a.withdrawals
	b := a.queueWithdrawals()
	if b.Len()+len(known) == 0 {
		return nil
	}
	if err := a.write(b); err != nil {
		return err
	}
	a.loadWithdrawals()
	if err := a.flush(); err != nil {
		return err
	}
	for _, w := range a.withdrawals {
		var err error
		if w.Kind == ItemSnap {
			err = a.closeSnap(w)
		} else {
			err = a.closeCharm(w)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// queueWithdrawals queues the changes of the withdrawals themselves. A bundle that was taken back withdraws nothing.
func (a *applier) queueWithdrawals() *pgx.Batch {
	const set = `
		insert into withdrawal (kind, name, id, reason, import_id) values ($1, $2, $3, $4, $5)
		on conflict (kind, name) do update set id = excluded.id, reason = excluded.reason, import_id = excluded.import_id`
	const forget = `delete from withdrawal where kind = $1 and name = $2`
	b := &pgx.Batch{}
	stated := a.in.Withdrawals
	if a.takenBack > 0 {
		stated = nil
	}
	for _, k := range a.withdrawals {
		// A bundle that is forced decides that its snaps and charms are offered.
		if !slices.ContainsFunc(stated, k.isSame) && a.forces(k.key()) {
			a.replaced.addWithdrawal(replacedWithdrawal{k.Withdrawal, k.importID})
			b.Queue(forget, k.Kind, k.Name)
		}
	}
	for _, w := range stated {
		i := slices.IndexFunc(a.withdrawals, func(k statedWithdrawal) bool { return k.isSame(w) })
		if i >= 0 && (a.withdrawals[i].is(a.in) || a.withdrawals[i].Supersedes(a.in.Origin()) && !a.forces(w.key())) {
			continue
		}
		if i < 0 {
			a.r.Withdrawals = append(a.r.Withdrawals, w)
			a.replaced.addWithdrawal(replacedWithdrawal{Withdrawal: w})
		} else {
			a.replaced.addWithdrawal(replacedWithdrawal{a.withdrawals[i].Withdrawal, a.withdrawals[i].importID})
		}
		b.Queue(set, w.Kind, w.Name, w.ID, w.Reason, a.id)
	}
	return b
}

// staysWithdrawn reports whether a withdrawal has closed a row and still counts after the import. To open the row would only close it again.
func staysWithdrawn[P, V comparable](a *applier, ledger *channelmap.Ledger[P, V], row channelmap.Key[P], w Withdrawal) bool {
	return slices.ContainsFunc(a.withdrawals, func(have statedWithdrawal) bool {
		return have.isSame(w) && (have.ID == "" || have.ID == w.ID) && have.Supersedes(a.in.Origin()) && !a.forces(w.key()) &&
			ledger.IsClosedBy(row, have.Origin)
	})
}

// itemNames returns the names of the import's snaps, and of its charms and charm bundles, withdrawn ones included.
func (in *Import) itemNames() (snaps, charms []string) {
	snaps, charms = []string{}, []string{}
	for _, s := range in.Snaps {
		snaps = append(snaps, s.Name)
	}
	for _, c := range in.Charms {
		charms = append(charms, c.Name)
	}
	for _, w := range in.Withdrawals {
		if w.Kind == ItemSnap {
			snaps = append(snaps, w.Name)
		} else {
			charms = append(charms, w.Name)
		}
	}
	return snaps, charms
}

// loadWithdrawals loads the withdrawals that the catalogue has of the import's snaps and charms.
func (a *applier) loadWithdrawals() {
	const q = `
		select kind, w.name, w.id, reason, import_id, signed_at, bundle, signer, sequence from withdrawal w join import i on import_id = i.id
		where kind = $2 and w.name = any($1) or kind = $3 and w.name = any($4) order by kind, w.name`
	snaps, charms := a.in.itemNames()
	if len(snaps)+len(charms) == 0 {
		return
	}
	a.withdrawals = nil
	var w statedWithdrawal
	dest := slices.Concat([]any{(*string)(&w.Kind), &w.Name, &w.ID, &w.Reason, &w.importID}, w.columns())
	a.queueRead(q, []any{snaps, ItemSnap, ItemCharm, charms}, dest, func() error {
		a.withdrawals = append(a.withdrawals, w)
		return nil
	})
}

// reasonRevoked is the reason of a withdrawal for which the bundle has the proof: the snap-declaration.
const reasonRevoked = "revoked"

// closeSnap closes the channels of a withdrawn snap that no newer bundle has set. An export without a login finds no private snap, so it cannot
// tell that one is gone: the list of the store does.
func (a *applier) closeSnap(w statedWithdrawal) error {
	const q = `
		select distinct on (architecture, channel) snap_id, architecture, channel, revision, c.import_id, (
				select json_agg(json_build_object('revision', o.revision, 'released-at', o.released_at)) from channel_map o
				where o.snap_id = c.snap_id and o.architecture = c.architecture and o.channel = c.channel)::text,
			c.signed_at, bundle, signer, sequence
		from channel_map c join snap s using (snap_id) join import i on c.import_id = i.id
		where s.name = $1 and $2 in ('', snap_id) and revision is not null
			and ($3 or not exists (select from snap_home h where h.snap_id = s.snap_id and h.store_id <> ''))
		order by architecture, channel, revision desc`
	const clear = `delete from channel_map where snap_id = $1 and architecture = $2 and channel = $3`
	// The row closes at this import, even if an older one has stated the withdrawal. A release of this import was never served.
	const forget = `delete from channel_history where snap_id = $1 and architecture = $2 and channel = $3 and import_id = $4`
	const into = ` (snap_id, architecture, channel, revision, released_at, signed_at, import_id) values ($1, $2, $3, null, '', $4, $5)`
	var id, releases string
	var o origin
	var importID int64
	move := SnapMove{Snap: w.Name}
	b := &pgx.Batch{}
	dest := slices.Concat([]any{&id, &move.Architecture, &move.Channel, &move.From, &importID, &releases}, o.columns())
	a.queueRead(q, []any{w.Name, w.ID, w.Reason == reasonRevoked}, dest, func() error {
		if !w.Supersedes(o.Origin) {
			return nil
		}
		was := replacedSnapRow{SnapID: id, Architecture: move.Architecture, Channel: move.Channel, statement: statement{importID, o.SignedAt}}
		if err := json.Unmarshal([]byte(releases), &was.Releases); err != nil {
			return err
		}
		a.replaced.addSnapRow(was)
		b.Queue(clear, id, move.Architecture, move.Channel)
		b.Queue(forget, id, move.Architecture, move.Channel, a.id)
		b.Queue(`insert into channel_map`+into, id, move.Architecture, move.Channel, w.SignedAt, w.importID)
		b.Queue(`insert into channel_history`+into, id, move.Architecture, move.Channel, w.SignedAt, a.id)
		a.r.addClosed(move)
		return nil
	})
	if err := a.flush(); err != nil {
		return err
	}
	return a.write(b)
}

// addClosed reports that a row was closed, also if the same import has set it just before.
func (r *Report) addClosed(move SnapMove) {
	found := false
	for i := range r.SnapMoves {
		m := &r.SnapMoves[i]
		if m.Snap != move.Snap || m.Architecture != move.Architecture || m.Channel != move.Channel {
			continue
		}
		if m.To = 0; m.Epoch != "" {
			m.To = channelmap.NoRow
		}
		found = found || m.Epoch == ""
	}
	if !found {
		r.SnapMoves = append(r.SnapMoves, move)
	}
	r.SnapMoves = slices.DeleteFunc(r.SnapMoves, func(m SnapMove) bool { return m.From == m.To })
}

// closeCharm closes the channels of a withdrawn charm that no newer bundle has set.
func (a *applier) closeCharm(w statedWithdrawal) error {
	const q = `
		select charm_id, base, base_channel, architecture, channel, revision, released_at, resources, c.import_id, c.signed_at, bundle, signer, sequence
		from charm_channel_map c join charm h using (charm_id) join import i on c.import_id = i.id
		where h.name = $1 and revision is not null order by base, base_channel, architecture, channel`
	const shut = `
		update charm_channel_map set revision = null, released_at = '', resources = '[]', signed_at = $6, import_id = $7
		where charm_id = $1 and base = $2 and base_channel = $3 and architecture = $4 and channel = $5`
	const remember = `
		insert into charm_channel_history (charm_id, base, base_channel, architecture, channel, revision, released_at, resources, signed_at, import_id)
		values ($1, $2, $3, $4, $5, null, '', '[]', $6, $7)`
	var id, ch, releasedAt, resources string
	var base charm.Base
	var from int
	var o origin
	var importID int64
	b := &pgx.Batch{}
	dest := slices.Concat([]any{&id, &base.Name, &base.Channel, &base.Architecture, &ch, &from, &releasedAt, &resources, &importID}, o.columns())
	a.queueRead(q, []any{w.Name}, dest, func() error {
		if !w.Supersedes(o.Origin) {
			return nil
		}
		a.replaced.addCharmRow(replacedCharmRow{id, base, ch, statement{importID, o.SignedAt}, from, releasedAt, json.RawMessage(resources)})
		for _, q := range []string{shut, remember} {
			b.Queue(q, id, base.Name, base.Channel, base.Architecture, ch, w.SignedAt, w.importID)
		}
		move := CharmMove{Charm: w.Name, Channel: ch, From: from}
		if base != (charm.Base{}) {
			move.Base = base.String()
		}
		a.r.addClosedCharm(move)
		return nil
	})
	if err := a.flush(); err != nil {
		return err
	}
	return a.write(b)
}

// addClosedCharm reports that a row was closed, also if the same import has set it just before.
func (r *Report) addClosedCharm(move CharmMove) {
	for i, m := range r.CharmMoves {
		if m.Charm == move.Charm && m.Base == move.Base && m.Channel == move.Channel {
			r.CharmMoves[i].To = 0
			r.CharmMoves = slices.DeleteFunc(r.CharmMoves, func(m CharmMove) bool { return m.From == m.To })
			return
		}
	}
	r.CharmMoves = append(r.CharmMoves, move)
}
