package catalog

import (
	"slices"

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
		insert into image (digest, media_type, children, blobs, subject) values ($1, $2, $3, $4, nullif($5, '')) on conflict (digest) do nothing`
	const grow = `
		update image set children = (select array_agg(distinct c collate "C" order by c collate "C") from unnest(children || $2::text[]) c)
		where digest = $1 and not children @> $2::text[]`
	const retype = `update image set media_type = $2 where digest = $1 and media_type collate "C" < $2 collate "C"`
	// An image that was imported by an older program has no subject in the catalogue.
	const refer = `update image set subject = $2 where digest = $1 and subject is null`
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
		b.Queue(add, im.Digest.String(), im.MediaType, children, blobs, im.Subject.String()).Exec(func(t pgconn.CommandTag) error {
			a.r.Images += int(t.RowsAffected())
			a.changed = a.changed || t.RowsAffected() > 0
			return nil
		})
		b.Queue(retype, im.Digest.String(), im.MediaType).Exec(note(im.Digest, "media-type"))
		if im.Subject != "" {
			b.Queue(refer, im.Digest.String(), im.Subject.String()).Exec(note(im.Digest, "subject"))
		}
		if len(children) > 0 {
			b.Queue(grow, im.Digest.String(), children).Exec(note(im.Digest, "manifests"))
		}
	}
	return a.settle(b)
}

// imageTags keeps the manifest that the most recently signed bundle names for each further tag of a repository.
func (a *applier) imageTags() error {
	const q = `
		insert into image_tag (repository, tag, digest, signed_at, import_id) values ($1, $2, $3, $4, $5)
		on conflict (repository, tag) do update set digest = excluded.digest, signed_at = excluded.signed_at, import_id = excluded.import_id`
	b := &pgx.Batch{}
	for _, t := range a.in.ImageTags {
		name := [2]string{t.Repository, t.Tag}
		old, ok := a.knownImageTags[name]
		if ok && old.keepsCharm(a.in, false) {
			continue
		}
		if ok && old.blob != t.Digest.String() {
			a.r.update(difference.Change{What: difference.Manifest, Name: t.Repository + ":" + t.Tag, Field: "digest", Old: old.blob, New: t.Digest.String()})
		}
		a.knownImageTags[name] = knownItem{blob: t.Digest.String(), origin: a.in.origin()}
		b.Queue(q, t.Repository, t.Tag, t.Digest.String(), a.in.SignedAt, a.id)
	}
	return a.write(b)
}

// loadImageTags loads the further tags of the import's repositories, by repository and tag.
func (a *applier) loadImageTags() {
	const q = `
		select repository, tag, digest, t.signed_at, bundle, signer, sequence from image_tag t join import i on import_id = i.id
		where repository = any($1)`
	repositories := []string{}
	for _, t := range a.in.ImageTags {
		repositories = append(repositories, t.Repository)
	}
	a.knownImageTags = make(map[[2]string]knownItem)
	var name [2]string
	var have knownItem
	a.read(q, repositories, slices.Concat([]any{&name[0], &name[1], &have.blob}, have.columns()), func() error {
		a.knownImageTags[name] = have
		return nil
	})
}
