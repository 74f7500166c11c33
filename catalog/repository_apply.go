package catalog

import (
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/opencontainers/go-digest"

	"offlinestore/charm"
	"offlinestore/difference"
	"offlinestore/image"
)

// RepositoryError reports a repository that would have images of charms and others.
type RepositoryError struct{ Repository, Charm string }

// Error names the repository, and the charm if it is known.
func (e *RepositoryError) Error() string {
	if e.Charm == "" {
		return fmt.Sprintf("repository %s: it has images that belong to no charm, and the bundle brings an image of a charm for it", e.Repository)
	}
	return fmt.Sprintf("repository %s: it has an image of the charm %s, and the bundle brings images for it that belong to no charm", e.Repository, e.Charm)
}

// tagKey names the statement about the image of a tag.
type tagKey struct{ repository, tag string }

// knownTag is a tag in the catalogue.
type knownTag struct {
	origin
	digest   digest.Digest
	source   string
	importID int64
}

// repositories adds the images of repositories, and gives them the tags that no newer bundle has given to others.
func (a *applier) repositories() error {
	b := &pgx.Batch{}
	for i := range a.in.Repositories {
		r := &a.in.Repositories[i]
		for _, im := range r.Images {
			a.queueRepositoryImage(b, r.Name, im)
		}
		a.queueTags(b, r)
	}
	return a.write(b)
}

// queueRepositoryImage queues an image. The most recently signed bundle decides on its source. The parts of the image stay together, whichever
// bundles brought them.
func (a *applier) queueRepositoryImage(b *pgx.Batch, repository string, im image.Image) {
	const set = `
		insert into repository_image (repository, digest, source, platforms, import_id) values ($1, $2, $3, $4, $5)
		on conflict (repository, digest) do update set source = excluded.source, platforms = excluded.platforms, import_id = excluded.import_id`
	key := tagKey{repository, im.Digest}
	have, ok := a.knownRepositoryImages[key]
	if !ok {
		a.r.RepositoryImages = append(a.r.RepositoryImages, RepositoryImageRef{repository, digest.Digest(im.Digest), imageSize(a.in.Images, digest.Digest(im.Digest))})
		b.Queue(set, repository, im.Digest, im.Source, append([]string{}, im.Platforms...), a.id)
		a.knownRepositoryImages[key] = knownRepositoryImage{a.in.origin(), im, a.id}
		return
	}
	now := have.Image
	now.Platforms = unite(have.Platforms, im.Platforms)
	from := have.importID
	newer := !have.is(a.in) && (!have.Supersedes(a.in.Origin()) || a.forces(key))
	if newer {
		now.Source, from = im.Source, a.id
	}
	changes := difference.OfRepositoryImage(repository, have.Image, now)
	a.r.update(changes...)
	if newer || len(changes) > 0 {
		b.Queue(set, repository, im.Digest, now.Source, now.Platforms, from)
	}
}

// queueTags queues the tags of a repository.
func (a *applier) queueTags(b *pgx.Batch, r *image.Repository) {
	const set = `
		insert into repository_tag (repository, tag, digest, source, import_id) values ($1, $2, $3, $4, $5)
		on conflict (repository, tag) do update set digest = excluded.digest, source = excluded.source, import_id = excluded.import_id`
	sources := make(map[string]string)
	for _, im := range r.Images {
		maps.Copy(sources, im.Tags)
	}
	for tag, d := range sortedTags(r) {
		key, source := tagKey{r.Name, tag}, sources[tag]
		have, ok := a.knownTags[key]
		if ok && have.is(a.in) && a.takenBack == 0 {
			continue
		}
		move := TagMove{r.Name, tag, have.digest, d}
		if a.takenBack > 0 || ok && have.Supersedes(a.in.Origin()) && !a.forces(key) {
			if have.digest != d {
				a.r.KeptTags = append(a.r.KeptTags, move)
			}
			continue
		}
		a.replaced.addTag(replacedTag{Repository: r.Name, Tag: tag, Digest: have.digest, Source: have.source, Import: have.importID})
		if have.digest != d {
			a.r.TagMoves = append(a.r.TagMoves, move)
			b.Queue(rememberTag, r.Name, tag, d.String(), a.id, nil)
		} else {
			a.r.update(difference.OfTagSource(r.Name, tag, have.source, source)...)
		}
		b.Queue(set, r.Name, tag, d.String(), source, a.id)
		a.knownTags[key] = knownTag{a.in.origin(), d, source, a.id}
	}
}

// sortedTags yields the tags of a repository in their order, with the digests of their images.
func sortedTags(r *image.Repository) func(yield func(tag string, d digest.Digest) bool) {
	tags := r.Tags()
	return func(yield func(string, digest.Digest) bool) {
		for _, tag := range slices.Sorted(maps.Keys(tags)) {
			if !yield(tag, digest.Digest(tags[tag])) {
				return
			}
		}
	}
}

// rememberTag adds the image of a tag to the history.
const rememberTag = `insert into repository_tag_history (repository, tag, digest, import_id, rollback_id) values ($1, $2, nullif($3, ''), $4, $5)`

// knownRepositoryImage is an image of a repository in the catalogue.
type knownRepositoryImage struct {
	origin
	image.Image
	importID int64
}

// loadRepositories loads the repositories of the import, and refuses one that has images of charms and others.
func (a *applier) loadRepositories() {
	const images = `
		select repository, digest, source, platforms, import_id, signed_at, bundle, signer, sequence
		from repository_image r join import i on import_id = i.id where repository = any($1)`
	const tags = `
		select repository, tag, digest, source, import_id, signed_at, bundle, signer, sequence
		from repository_tag t join import i on import_id = i.id where repository = any($1)`
	const ofCharms = `
		select name, path from (
			select charm_id, split_part(split_part(image, '@', 1), ':', 1) as path from (
				select charm_id, item->'image'->>'name' as image from charm_resource where item->'image'->>'name' is not null
				union select charm_id, json_array_elements(item->'images')->>'name' from charm_revision where item->'images' is not null) named) of
			join charm using (charm_id)
		where path = any($1) order by path, name limit 1`
	names := []string{}
	for i := range a.in.Repositories {
		names = append(names, a.in.Repositories[i].Name)
	}
	a.knownRepositoryImages, a.knownTags = make(map[tagKey]knownRepositoryImage), make(map[tagKey]knownTag)
	var at, found string
	a.read(ofCharms, names, []any{&found, &at}, func() error { return &RepositoryError{at, found} })
	var im knownRepositoryImage
	a.read(images, names, slices.Concat([]any{&at, &im.Digest, &im.Source, &im.Platforms, &im.importID}, im.columns()), func() error {
		a.knownRepositoryImages[tagKey{at, im.Digest}] = im
		im.Platforms = nil
		return nil
	})
	var key tagKey
	var t knownTag
	var d string
	a.read(tags, names, slices.Concat([]any{&key.repository, &key.tag, &d, &t.source, &t.importID}, t.columns()), func() error {
		t.digest = digest.Digest(d)
		a.knownTags[key] = t
		return nil
	})
	const others = `select distinct repository from repository_image where repository = any($1) order by 1 limit 1`
	a.read(others, a.in.charmRepositories(), []any{&at}, func() error { return &RepositoryError{Repository: at} })
}

// charmRepositories returns the repositories of the images of charms in the import.
func (in *Import) charmRepositories() (names []string) {
	add := func(i *charm.Image) {
		if i != nil {
			names = append(names, i.Repository())
		}
	}
	for _, r := range in.CharmResources {
		add(r.Image)
	}
	for _, r := range in.CharmRevisions {
		for i := range r.Images {
			add(&r.Images[i])
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func unite(a, b []string) []string {
	out := slices.Concat([]string{}, a, b)
	slices.Sort(out)
	return slices.Compact(out)
}
