package catalog

import (
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// liveHolds are the holds in force when an import is applied.
type liveHolds struct {
	// names has the held snaps and charms by kind and name. all is set if the ones that come later are held, too.
	names map[[2]string]bool
	all   bool
	until *time.Time
	by    string
}

// loadHolds loads the holds in force.
func (a *applier) loadHolds() {
	const q = `
		select kind, coalesce(s.name, c.name, ''), held_until, held_by from hold
		left join snap s on kind = $1 and snap_id = hold.id left join charm c on kind = $2 and charm_id = hold.id where ` + live
	a.holds = &liveHolds{names: make(map[[2]string]bool)}
	var kind, name, by string
	var until *time.Time
	a.queueRead(q, []any{ItemSnap, ItemCharm}, []any{&kind, &name, &until, &by}, func() error {
		if ItemKind(kind) == ItemAll {
			a.holds.all, a.holds.until, a.holds.by = true, until, by
		}
		a.holds.names[[2]string{kind, name}] = true
		return nil
	})
}

// holdNew holds a snap or charm that comes while all are held. It has no channels until it is released.
func (a *applier) holdNew(b *pgx.Batch, kind ItemKind, id, name string) {
	const q = `
		insert into hold (kind, id, held_until, import_id, rows, held_by) values ($1, $2, $3, $4, '[]', $5)
		on conflict (kind, id) do update set held_until = excluded.held_until, import_id = excluded.import_id, rows = excluded.rows`
	if !a.holds.all {
		return
	}
	b.Queue(q, kind, id, a.holds.until, a.id-1, a.holds.by)
	a.holds.names[[2]string{string(kind), name}] = true
}

// separate moves the rows of held snaps and charms to the lists of those.
func (h *liveHolds) separate(r *Report) {
	r.SnapMoves = slices.DeleteFunc(r.SnapMoves, func(m SnapMove) bool {
		held := h.names[[2]string{string(ItemSnap), m.Snap}]
		if held {
			r.Held = append(r.Held, m)
		}
		return held
	})
	r.CharmMoves = slices.DeleteFunc(r.CharmMoves, func(m CharmMove) bool {
		held := h.names[[2]string{string(ItemCharm), m.Charm}]
		if held {
			r.HeldCharms = append(r.HeldCharms, m)
		}
		return held
	})
}
