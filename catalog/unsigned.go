package catalog

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"offlinestore/difference"
)

// keepsCharm reports whether the recorded facts about a charm or a revision stay when in is pushed. force lets an older bundle replace
// them. A signed origin supersedes an unsigned one, however new that is, and even with force. Otherwise a file that nobody vouches for
// could keep a charm out for ever. Channels follow the time alone, because such a file is pushed to move them.
func (o origin) keepsCharm(in *Import, force bool) bool {
	if (o.signer == Unsigned) != (in.Signer == Unsigned) {
		return in.Signer == Unsigned
	}
	return o.is(in) || !force && o.Supersedes(in.Origin())
}

// CharmIDs returns the IDs of the named charms in the catalogue.
func (db *DB) CharmIDs(ctx context.Context, names ...string) (map[string]string, error) {
	const q = `select name, charm_id from charm where name = any($1)`
	rows, err := db.pool.Query(ctx, q, names)
	ids := make(map[string]string)
	if err == nil {
		var name, id string
		_, err = pgx.ForEachRow(rows, []any{&name, &id}, func() error {
			ids[name] = id
			return nil
		})
	}
	if err != nil {
		return nil, fmt.Errorf("look up charms: %w", interpret(err))
	}
	return ids, nil
}

// adopt changes the IDs of entirely unsigned charms to the IDs that a signed bundle has for their names. The IDs in unsigned
// files need not be the store's.
func (a *applier) adopt() error {
	const q = `
		select c.name, c.charm_id from charm c join import i on import_id = i.id
		where signer = $2 and c.name = any($1) and not exists (
			select from charm_revision r join import i on r.import_id = i.id where r.charm_id = c.charm_id and signer <> $2)`
	if a.in.Signer == Unsigned || len(a.in.Charms) == 0 {
		return nil
	}
	names, ids := []string{}, make(map[string]string)
	for _, c := range a.in.Charms {
		names, ids[c.Name] = append(names, c.Name), c.ID
	}
	b := &pgx.Batch{}
	var name, id string
	a.read(q, names, []any{&name, &id}, func() error {
		if id != ids[name] {
			a.r.update(difference.Change{What: difference.Charm, Charm: name, Field: "id", Old: id, New: ids[name]})
			queueMove(b, id, ids[name])
		}
		return nil
	}, Unsigned)
	if err := a.flush(); err != nil {
		return err
	}
	return a.write(b)
}

// queueMove moves a charm's rows to another ID. Rows that already exist under this ID stay as they are.
func queueMove(b *pgx.Batch, from, to string) {
	for _, q := range []string{
		`insert into charm (charm_id, name, type, default_track, details, icon, icon_type, icon_signed_at, icon_import_id, signed_at, import_id)
			select $2, ' ' || $2, type, default_track, details, icon, icon_type, icon_signed_at, icon_import_id, signed_at, import_id
			from charm where charm_id = $1
			on conflict do nothing`, // charms sets its name
		`insert into charm_revision (charm_id, revision, item, blob, import_id)
			select $2, revision, item, blob, import_id from charm_revision where charm_id = $1 on conflict do nothing`,
		`insert into charm_resource (charm_id, name, revision, item, blob, import_id)
			select $2, name, revision, item, blob, import_id from charm_resource where charm_id = $1 on conflict do nothing`,
		`insert into charm_channel_map (charm_id, base, base_channel, architecture, channel, revision, released_at, resources, signed_at, import_id)
			select $2, base, base_channel, architecture, channel, revision, released_at, resources, signed_at, import_id
			from charm_channel_map where charm_id = $1 on conflict do nothing`,
		`update charm_channel_history set charm_id = $2 where charm_id = $1`,
	} {
		b.Queue(q, from, to)
	}
	for _, q := range []string{
		`delete from charm_channel_map where charm_id = $1`, `delete from charm_resource where charm_id = $1`,
		`delete from charm_revision where charm_id = $1`, `delete from charm where charm_id = $1`,
	} {
		b.Queue(q, from)
	}
}
