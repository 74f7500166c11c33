package catalog

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"offlinestore/audit"
	"offlinestore/charm"
	"offlinestore/snap"
)

// ItemAll is the kind of the hold for the snaps and charms that come later.
const ItemAll ItemKind = "all"

// Hold keeps the channels of a snap or charm as they are until it is released. Bundles do not move them.
type Hold struct {
	// Kind is ItemSnap, ItemCharm (also for charm bundles), or ItemAll.
	Kind ItemKind `json:"kind"`
	// Name and ID are empty for ItemAll.
	Name string `json:"name,omitempty"`
	ID   string `json:"id,omitempty"`
	// Until is the time at which the hold ends by itself, or nil.
	Until *time.Time `json:"until,omitempty"`
	By    string     `json:"held-by"`
	At    time.Time  `json:"held-at"`
	// Import is the newest import or rollback at that time.
	Import int64 `json:"import"`
}

// Holding asks to hold snaps and charms, or to release them.
type Holding struct {
	// Kind and Name choose a snap or charm. Without a Name, all are chosen, and the ones that come later.
	Kind ItemKind
	Name string
	// Until is the time at which the hold ends by itself, or nil.
	Until *time.Time
	// By names the operator.
	By string
}

// holdState describes a hold in the audit trail.
type holdState struct {
	Kind  ItemKind   `json:"kind"`
	Until *time.Time `json:"until,omitempty"`
	Moves int        `json:"channel-moves,omitempty"`
}

// Hold holds snaps and charms, and returns the holds. A snap that is held already keeps its rows, and gets the new end.
func (db *DB) Hold(ctx context.Context, h Holding) (list []Hold, err error) {
	const set = `
		insert into hold (kind, id, held_until, import_id, rows, held_by) values ($1, $2, $3, $4, $5, $6)
		on conflict (kind, id) do update set held_until = excluded.held_until, import_id = excluded.import_id, rows = excluded.rows,
			held_by = excluded.held_by, held_at = now()
		returning held_at`
	err = pgx.BeginFunc(ctx, db.pool, func(tx pgx.Tx) error {
		c, err := lockedSnapshot(ctx, tx)
		if err != nil {
			return err
		}
		chosen, err := c.chooseHolds(h)
		if err != nil {
			return err
		}
		b := &pgx.Batch{}
		list = make([]Hold, len(chosen))
		for i, n := range chosen {
			n.Until, n.By, n.Import = h.Until, text(h.By), c.Moment.Import
			if since, held := c.heldSince(n.Hold); held {
				n.Import = since
			}
			rows, err := json.Marshal(n.rows)
			if err != nil {
				return err
			}
			list[i] = n.Hold
			b.Queue(set, n.Kind, n.ID, n.Until, n.Import, rows, n.By).QueryRow(func(row pgx.Row) error { return row.Scan(&list[i].At) })
		}
		if err := tx.SendBatch(ctx, b).Close(); err != nil {
			return err
		}
		if err := bump(ctx, tx); err != nil {
			return err
		}
		return appendAudit(ctx, tx, audit.Act{What: "hold", Subject: subjectOf(h), After: holdState{Kind: h.Kind, Until: h.Until}})
	})
	if err != nil {
		return nil, fmt.Errorf("hold: %w", interpret(err))
	}
	return list, nil
}

// subjectOf returns the name in the audit trail.
func subjectOf(h Holding) string { return cmp.Or(h.Name, "all") }

// lockedSnapshot makes the transaction the only one that changes the catalogue, and reads it.
func lockedSnapshot(ctx context.Context, tx pgx.Tx) (*Snapshot, error) {
	if err := lockApply(ctx, tx); err != nil {
		return nil, err
	}
	return snapshotIn(ctx, tx)
}

// newHold is a hold with the rows that it keeps.
type newHold struct {
	Hold
	rows any
}

// chooseHolds returns the holds that h asks for.
func (c *Snapshot) chooseHolds(h Holding) (list []newHold, err error) {
	for i := range c.Snaps {
		if s := &c.Snaps[i]; h.Name == "" || h.Kind == ItemSnap && s.Name == h.Name {
			list = append(list, newHold{Hold{Kind: ItemSnap, Name: s.Name, ID: s.SnapID}, append([]snap.Release{}, s.ChannelMap...)})
		}
	}
	for i := range c.Charms {
		if ch := &c.Charms[i]; h.Name == "" || h.Kind == ItemCharm && ch.Name == h.Name {
			list = append(list, newHold{Hold{Kind: ItemCharm, Name: ch.Name, ID: ch.ID}, append([]charm.Release{}, ch.ChannelMap...)})
		}
	}
	if h.Name == "" {
		return append(list, newHold{Hold{Kind: ItemAll}, []string{}}), nil
	}
	if len(list) == 0 {
		return nil, &NotFoundError{What: fmt.Sprintf("%s %.60q", h.Kind, h.Name)}
	}
	return list, nil
}

// heldSince returns the number of the import at which a hold in force began. It is 0 for a hold that is older than all imports.
func (c *Snapshot) heldSince(h Hold) (number int64, held bool) {
	i := slices.IndexFunc(c.Holds, func(o Hold) bool { return o.Kind == h.Kind && o.ID == h.ID })
	if i < 0 {
		return 0, false
	}
	return c.Holds[i].Import, true
}

// Released lists the holds that were ended, and the rows that moved to the releases of the newest bundles.
type Released struct {
	Holds      []Hold      `json:"released"`
	SnapMoves  []SnapMove  `json:"channel-moves"`
	CharmMoves []CharmMove `json:"charm-channel-moves"`
}

// Release ends holds. Channels then hold the releases of the newest bundles.
func (db *DB) Release(ctx context.Context, h Holding) (done *Released, err error) {
	err = pgx.BeginFunc(ctx, db.pool, func(tx pgx.Tx) error {
		c, err := lockedSnapshot(ctx, tx)
		if err != nil {
			return err
		}
		done = c.release(h)
		if len(done.Holds) == 0 {
			return &NotHeldError{subjectOf(h)}
		}
		var ids []string
		for _, held := range done.Holds {
			ids = append(ids, string(held.Kind)+" "+held.ID)
		}
		if _, err := tx.Exec(ctx, `delete from hold where kind || ' ' || id = any($1)`, ids); err != nil {
			return err
		}
		if err := bump(ctx, tx); err != nil {
			return err
		}
		state := holdState{Kind: h.Kind, Moves: len(done.SnapMoves) + len(done.CharmMoves)}
		return appendAudit(ctx, tx, audit.Act{What: "release", Subject: subjectOf(h), Before: state})
	})
	if err != nil {
		return nil, fmt.Errorf("release: %w", interpret(err))
	}
	return done, nil
}

// NotHeldError reports that there is nothing to release.
type NotHeldError struct{ Name string }

// Error names the snap or charm.
func (e *NotHeldError) Error() string {
	if e.Name == "all" {
		return "nothing is held"
	}
	return e.Name + " is not held"
}

// release returns the changes that the end of holds makes.
func (c *Snapshot) release(h Holding) *Released {
	out := &Released{Holds: []Hold{}, SnapMoves: []SnapMove{}, CharmMoves: []CharmMove{}}
	for _, held := range c.Holds {
		if h.Name != "" && (held.Kind != h.Kind || held.Name != h.Name) {
			continue
		}
		out.Holds = append(out.Holds, held)
		switch held.Kind {
		case ItemSnap:
			s := c.snap(held.Name)
			out.SnapMoves = append(out.SnapMoves, s.moves(s.ChannelMap, s.Pushed)...)
		case ItemCharm:
			ch := c.charm(held.Name)
			out.CharmMoves = append(out.CharmMoves, charmMoves(ch.Name, ch.ChannelMap, ch.Pushed)...)
		}
	}
	return out
}

// Waiting returns the changes that the release of a snap or charm would make.
func (c *Snapshot) Waiting(kind ItemKind, name string) *Released {
	return c.release(Holding{Kind: kind, Name: name})
}

// Holds returns the holds in force, sorted by kind and name.
func (db *DB) Holds(ctx context.Context) ([]Hold, error) {
	c, err := db.LoadSnapshot(ctx)
	if err != nil {
		return nil, err
	}
	return c.Holds, nil
}

func sortHolds(list []Hold) {
	slices.SortFunc(list, func(a, b Hold) int {
		return cmp.Or(strings.Compare(string(a.Kind), string(b.Kind)), strings.Compare(a.Name, b.Name))
	})
}
