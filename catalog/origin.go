package catalog

import (
	"slices"

	"offlinestore/channelmap"
)

// origin is the bundle that stated a part of the catalogue, and its signer.
type origin struct {
	channelmap.Origin
	signer string
}

// Origin returns the origin of the rows of this import.
func (in *Import) Origin() channelmap.Origin {
	return channelmap.Origin{SignedAt: in.SignedAt, Sequence: int64(in.Sequence), Digest: in.Bundle.String()}
}

func (in *Import) origin() origin { return origin{in.Origin(), in.Signer} }

// columns returns the destinations for the columns signed_at, bundle, signer and sequence of a query.
func (o *origin) columns() []any { return []any{&o.SignedAt, &o.Digest, &o.signer, &o.Sequence} }

// is reports whether o is the bundle of in.
func (o origin) is(in *Import) bool { return o.Is(in.Origin()) }

// knownItem is a revision's blob, empty for none, and the bundle that stated the revision's other properties. item has these
// properties as JSON, if the import has the revision.
type knownItem struct {
	blob string
	item []byte
	// resources are the blobs of the components and the integrity data of a snap's revision in the import.
	resources []string
	origin
	// importID is set for revisions of charms and their resources.
	importID int64
	// epoch is set for revisions of snaps.
	epoch channelmap.Epoch
}

// names refuses an item under the name of another. list has names and IDs, and q selects the pairs in the catalogue. A store may
// give a name to another snap or charm. The operator must then decide which of the two clients should get.
func (a *applier) names(q, kind string, list [][2]string) error {
	names, ids, byID := []string{}, make(map[string]string, len(list)), make(map[string]string, len(list))
	for _, l := range list {
		name, id := l[0], l[1]
		if other, ok := ids[name]; ok && other != id {
			return &ConflictError{What: kind + " " + name, Have: kind + "-id " + other, New: kind + "-id " + id}
		}
		if other, ok := byID[id]; ok && other != name {
			return &ConflictError{What: kind + "-id " + id, Have: kind + " " + other, New: kind + " " + name}
		}
		names, ids[name], byID[id] = append(names, name), id, name
	}
	var name, id string
	a.read(q, names, []any{&name, &id}, func() error {
		if id != ids[name] {
			return &NameError{name, &ConflictError{What: kind + " " + name, Have: kind + "-id " + id, New: kind + "-id " + ids[name]}}
		}
		return nil
	})
	return nil
}

// knownListing is a snap or charm by name in the catalogue, without its channel map, and the bundle that stated it.
type knownListing[L any] struct {
	origin
	listing L
	icon    [2]string // the digest and the media type
}

// listings loads the snaps or charms with the IDs of list, which has names and IDs. The first column of q is the ID. The columns of dest
// follow, then the columns of the icon and the origin. load makes the listing from dest. The returned map has them after the next flush.
func listings[L any](a *applier, q string, list [][2]string, dest []any, load func(id string) (L, error)) map[string]*knownListing[L] {
	ids := []string{}
	for _, l := range list {
		ids = append(ids, l[1])
	}
	have := make(map[string]*knownListing[L])
	var id string
	var k knownListing[L]
	columns := slices.Concat([]any{&id}, dest, []any{&k.icon[0], &k.icon[1]}, k.columns())
	a.read(q, ids, columns, func() (err error) {
		copied := k
		have[id] = &copied
		copied.listing, err = load(id)
		return err
	})
	return have
}

// pair returns the icon as a digest and a media type, empty for none.
func (i *Icon) pair() [2]string {
	if i == nil {
		return [2]string{}
	}
	return [2]string{i.Blob.String(), i.MediaType}
}
