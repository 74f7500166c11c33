package catalog

import (
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/opencontainers/go-digest"

	"offlinestore/difference"
)

// images adds manifests. The list of an index's children is part of its bytes, but the number of children in the catalogue can
// grow, because an export may have left some out. A manifest that does not name its own type may have been imported with two
// types. A manifest in Docker's format always names its type, so the type is OCI's, whichever came first.
func (a *applier) images() error {
	const add = `
		insert into image (digest, media_type, children, blobs) values ($1, $2, $3, $4) on conflict (digest) do nothing`
	const grow = `
		update image set children = (select array_agg(distinct c collate "C" order by c collate "C") from unnest(children || $2::text[]) c)
		where digest = $1 and not children @> $2::text[]`
	const retype = `update image set media_type = $2 where digest = $1 and media_type collate "C" < $2 collate "C"`
	// note records the change of a field of a manifest that was known.
	note := func(d digest.Digest, field string) func(pgconn.CommandTag) error {
		return func(t pgconn.CommandTag) error {
			if t.RowsAffected() > 0 {
				a.changed = true
				a.r.update(difference.Change{What: difference.Manifest, Name: d.String(), Field: field})
			}
			return nil
		}
	}
	b := &pgx.Batch{}
	for _, im := range a.in.Images {
		children, blobs := make([]string, len(im.Children)), make([]string, len(im.Blobs))
		for i, d := range im.Children {
			children[i] = d.String()
		}
		for i, d := range im.Blobs {
			blobs[i] = d.Digest.String()
		}
		b.Queue(add, im.Digest.String(), im.MediaType, children, blobs).Exec(func(t pgconn.CommandTag) error {
			a.r.Images += int(t.RowsAffected())
			a.changed = a.changed || t.RowsAffected() > 0
			return nil
		})
		b.Queue(retype, im.Digest.String(), im.MediaType).Exec(note(im.Digest, "media-type"))
		if len(children) > 0 {
			b.Queue(grow, im.Digest.String(), children).Exec(note(im.Digest, "manifests"))
		}
	}
	return a.send(b)
}
