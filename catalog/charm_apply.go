package catalog

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"offlinestore/charm"
	"offlinestore/difference"
)

// resourceKey names a revision of a resource.
type resourceKey struct {
	id, name string
	revision int
}

// charms keeps the most recently signed listing of each charm.
func (a *applier) charms() error {
	const q = `
		insert into charm (charm_id, name, type, default_track, details, signed_at, import_id) values ($1, $2, $3, $4, $5, $6, $7)
		on conflict (charm_id) do update set name = excluded.name, type = excluded.type, default_track = excluded.default_track,
			details = excluded.details, signed_at = excluded.signed_at, import_id = excluded.import_id`
	b := &pgx.Batch{}
	for _, c := range a.in.Charms {
		old, ok := a.knownCharmListings[c.ID]
		switch {
		case !ok:
			a.r.addNewCharm(a.in, c)
			a.holdNew(b, ItemCharm, c.ID, c.Name)
		case old.keepsCharm(a.in, a.forces(charmKey(c.ID))):
			continue
		default:
			listing := c.Listing
			listing.Unknown = nil // such parts stay as they are
			a.r.update(difference.OfCharm(&old.listing, &listing)...)
		}
		details, err := json.Marshal(c.Result)
		if err != nil {
			return fmt.Errorf("charm %s: %w", c.Name, err)
		}
		b.Queue(q, c.ID, c.Name, c.Type, c.DefaultTrack, details, a.in.SignedAt, a.id)
	}
	a.queueCharmIcons(b)
	return a.write(b)
}

// loadCharms loads the import's charms as the catalogue has them.
func (a *applier) loadCharms() error {
	names, ids := make([][2]string, len(a.in.Charms)), make([]string, len(a.in.Charms))
	for i, c := range a.in.Charms {
		names[i], ids[i] = [2]string{c.Name, c.ID}, c.ID
	}
	if err := a.names(`select name, charm_id from charm where name = any($1)`, "charm", names); err != nil {
		return err
	}
	const q = `
		select charm_id, c.name, type, default_track, details, coalesce(icon, ''), coalesce(icon_type, ''),
			c.signed_at, coalesce(bundle, ''), coalesce(signer, ''), coalesce(sequence, 0)
		from charm c left join import i on import_id = i.id where charm_id = any($1)`
	var l charm.Listing
	var details []byte
	a.knownCharmListings = listings(a, q, names, []any{&l.Name, &l.Type, &l.DefaultTrack, &details}, func(id string) (charm.Listing, error) {
		l.ID, l.Result = id, charm.Details{}
		return l, json.Unmarshal(details, &l.Result)
	})
	a.charmIcons = a.loadIcons("charm", "charm_id", ids)
	return nil
}

// charmRevisions adds the new revisions. It refuses another archive for a revision in the catalogue, unless that revision is
// unsigned. The newest bundle decides everything else.
func (a *applier) charmRevisions() error {
	const update = `update charm_revision set item = $3, blob = $4, import_id = $5 where charm_id = $1 and revision = $2`
	var rows [][]any
	b := &pgx.Batch{}
	for _, rev := range a.in.CharmRevisions {
		key, blob := revisionKey{rev.ID, rev.Revision.Number}, rev.Blob.String()
		what := fmt.Sprintf("charm %s revision %d", rev.Name, key.revision)
		have, ok := a.knownCharms[key]
		other := ok && have.blob != blob
		if other && (have.signer != Unsigned || a.in.Signer == Unsigned) {
			return &ConflictError{What: what, Have: "blob " + have.blob, New: "blob " + blob}
		}
		keeps := ok && (a.takenBack > 0 || have.keepsCharm(a.in, a.forces(charmRevisionKey(key))))
		changes, err := mergeCharm(&rev.Item, have, keeps, ok && !other && have.signer == Unsigned == (a.in.Signer == Unsigned))
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		a.r.update(changes...)
		if keeps && len(changes) == 0 {
			continue
		}
		if ok && !other {
			a.replaceItem(resourceKey{rev.ID, "", key.revision}, have, len(changes) > 0)
		}
		item, err := json.Marshal(rev.Item)
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		if keeps {
			b.Queue(`update charm_revision set item = $3 where charm_id = $1 and revision = $2`, rev.ID, key.revision, item)
			continue
		}
		a.knownCharms[key] = knownItem{blob: blob, origin: a.in.origin()}
		if !ok || other {
			a.r.CharmRevisions = append(a.r.CharmRevisions, CharmRevisionRef{rev.Name, key.revision, rev.Revision.Download.Size})
		}
		if ok {
			b.Queue(update, rev.ID, key.revision, item, blob, a.id)
			continue
		}
		rows = append(rows, []any{rev.ID, key.revision, item, blob, a.id})
	}
	if err := a.write(b); err != nil {
		return err
	}
	return a.insert("charm_revision", []string{"charm_id", "revision", "item", "blob", "import_id"}, rows)
}

// mergeCharm changes item, a revision of the import, into the new item of the catalogue, and returns the changes. If keeps is set, the
// catalogue keeps its item. With bases, the new item has the bases of both: an export names only the requested architectures of a charm
// for all of them, and the next export may be for others.
func mergeCharm(item *charm.Item, have knownItem, keeps, bases bool) ([]difference.Change, error) {
	if have.item == nil {
		return nil, nil
	}
	var old charm.Item
	if err := json.Unmarshal(have.item, &old); err != nil {
		return nil, err
	}
	added := item.Revision.Bases
	if keeps {
		*item = old
	} else {
		added = old.Revision.Bases
	}
	if bases {
		item.Revision.Bases = charm.UniteBases(item.Revision.Bases, added)
	}
	return difference.OfCharmRevision(&old, item), nil
}

// charmResources adds the new revisions of resources. It refuses another file for a revision in the catalogue, unless that
// revision is unsigned. The image of a revision may change, since the operator of the connected side names images; the newest
// bundle decides. It also decides about revision 0, which means that there is no resource.
func (a *applier) charmResources() error {
	const update = `update charm_resource set item = $4, blob = $5, import_id = $6 where charm_id = $1 and name = $2 and revision = $3`
	var rows [][]any
	b := &pgx.Batch{}
	for _, res := range a.in.CharmResources {
		key, blob := resourceKey{res.CharmID, res.Resource.Name, res.Resource.Revision}, res.Blob.String()
		what := fmt.Sprintf("resource %s.%s revision %d", res.Charm, key.name, key.revision)
		have, ok := a.knownResources[key]
		other := ok && have.blob != blob && key.revision > 0
		if other && (have.signer != Unsigned || a.in.Signer == Unsigned) {
			return &ConflictError{What: what, Have: blobName(have.blob), New: blobName(blob)}
		}
		keeps := ok && (a.takenBack > 0 || have.keepsCharm(a.in, a.forces(key)))
		changed, err := a.mergeResource(&res.ResourceItem, have, keeps)
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		if keeps && !changed {
			continue
		}
		if ok && !other {
			a.replaceItem(key, have, changed)
		}
		item, err := json.Marshal(res.ResourceItem)
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		if keeps {
			b.Queue(`update charm_resource set item = $4 where charm_id = $1 and name = $2 and revision = $3`, res.CharmID, key.name, key.revision, item)
			continue
		}
		var column *string // null for no blob
		if blob != "" {
			column = &blob
		}
		a.knownResources[key] = knownItem{blob: blob, origin: a.in.origin()}
		if !ok || other {
			a.r.CharmResources = append(a.r.CharmResources, ResourceRef{res.Charm, key.name, key.revision, res.Resource.Download.Size})
		}
		if ok {
			b.Queue(update, res.CharmID, key.name, key.revision, item, column, a.id)
			continue
		}
		rows = append(rows, []any{res.CharmID, key.name, key.revision, item, column, a.id})
	}
	if err := a.write(b); err != nil {
		return err
	}
	return a.insert("charm_resource", []string{"charm_id", "name", "revision", "item", "blob", "import_id"}, rows)
}

// mergeResource changes item, a revision of a resource in the import, into the new item of the catalogue, and reports its changes. If keeps
// is set, the catalogue keeps its item. A changed name of an image has a list of its own, since workloads can't pull the image under its
// old name any more.
func (a *applier) mergeResource(item *charm.ResourceItem, have knownItem, keeps bool) (changed bool, err error) {
	if have.item == nil {
		return false, nil
	}
	var old charm.ResourceItem
	if err := json.Unmarshal(have.item, &old); err != nil {
		return false, err
	}
	image := old.Image
	if keeps {
		image, *item = item.Image, old
	}
	item.Image = withDigest(item.Image, image)
	if old.Image != nil && item.Image != nil && old.Image.Name != item.Image.Name {
		a.r.ImageMoves = append(a.r.ImageMoves, ImageMove{item.Charm, item.Resource.Name, item.Resource.Revision, old.Image.Name, item.Image.Name})
		old.Image.Name, changed = item.Image.Name, true
	}
	changes := difference.OfResource(&old, item)
	a.r.update(changes...)
	return changed || len(changes) > 0, nil
}

// withDigest returns an image with the digest of another one of the same name, if it has none. An export that could not fetch an image,
// which the operator mapped to a name, knows only that name. The store then goes on with the image that it has.
func withDigest(image, other *charm.Image) *charm.Image {
	if image == nil || other == nil || image.Digest != "" || other.Digest == "" || image.Name != other.Name {
		return image
	}
	out := *image
	out.Digest, out.Tags, out.Source = other.Digest, other.Tags, cmp.Or(image.Source, other.Source)
	return &out
}

func blobName(digest string) string {
	if digest == "" {
		return "no blob"
	}
	return "blob " + digest
}

// loadCharmRevisions loads the revisions of the import's charms, and the items of the revisions in the import.
func (a *applier) loadCharmRevisions() {
	const q = `
		select charm_id, revision, blob, case when (charm_id, revision) in (select * from unnest($2::text[], $3::integer[])) then item end,
			import_id, signed_at, bundle, signer, sequence
		from charm_revision join import i on import_id = i.id where charm_id = any($1)`
	ids, numbers := []string{}, []int{}
	for _, r := range a.in.CharmRevisions {
		ids, numbers = append(ids, r.ID), append(numbers, r.Revision.Number)
	}
	a.knownCharms = make(map[revisionKey]knownItem)
	var key revisionKey
	var have knownItem
	a.read(q, a.charmIDs(), slices.Concat([]any{&key.id, &key.revision, &have.blob, &have.item, &have.importID}, have.columns()), func() error {
		a.knownCharms[key] = have
		have.item = nil
		return nil
	}, ids, numbers)
}

func (a *applier) loadCharmResources() {
	const q = `
		select charm_id, r.name, revision, coalesce(blob, ''), item, import_id, signed_at, bundle, signer, sequence
		from charm_resource r join import i on import_id = i.id where charm_id = any($1)`
	a.knownResources = make(map[resourceKey]knownItem)
	var key resourceKey
	var have knownItem
	a.read(q, a.charmIDs(), slices.Concat([]any{&key.id, &key.name, &key.revision, &have.blob, &have.item, &have.importID}, have.columns()), func() error {
		a.knownResources[key] = have
		have.item = nil
		return nil
	})
}

// charmIDs returns the IDs of all charms in the import.
func (a *applier) charmIDs() []string {
	ids := []string{}
	for _, c := range a.in.Charms {
		ids = append(ids, c.ID)
	}
	for _, r := range a.in.CharmRevisions {
		ids = append(ids, r.ID)
	}
	for _, r := range a.in.CharmResources {
		ids = append(ids, r.CharmID)
	}
	return ids
}
