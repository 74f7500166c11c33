package catalog

import (
	"fmt"
)

// tags returns the tags of images that belong to no charm. A repository that was removed since stays removed.
func (b *rollbacker) tags(c *Snapshot) error {
	const (
		forget = `delete from repository_tag where repository = $1 and tag = $2`
		set    = `
			insert into repository_tag (repository, tag, digest, source, import_id) values ($1, $2, $3, $4, $5)
			on conflict (repository, tag) do update set digest = excluded.digest, source = excluded.source, import_id = excluded.import_id`
	)
	for _, was := range b.before.Tags {
		r := c.Repository(was.Repository)
		if r == nil {
			b.done.Stay = append(b.done.Stay, fmt.Sprintf("the images of %s were removed, and stay removed", was.Repository))
			continue
		}
		move := TagMove{Repository: r.Name, Tag: was.Tag, To: was.Digest}
		for _, t := range r.Tags {
			if t.Tag == was.Tag {
				move.From = t.Digest
			}
		}
		switch {
		case was.Import == 0:
			b.b.Queue(forget, r.Name, was.Tag)
		case r.Image(was.Digest) == nil:
			b.lost = append(b.lost, fmt.Sprintf("the image %s@%s, which the tag %s named", r.Name, was.Digest, was.Tag))
			continue
		default:
			b.b.Queue(set, r.Name, was.Tag, was.Digest.String(), was.Source, was.Import)
		}
		if move.From != move.To {
			b.done.TagMoves = append(b.done.TagMoves, move)
			b.b.Queue(rememberTag, r.Name, was.Tag, was.Digest.String(), b.first, b.id)
		}
	}
	return nil
}
