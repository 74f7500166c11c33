package catalog

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"offlinestore/audit"
	"offlinestore/channelmap"
	"offlinestore/charm"
	"offlinestore/snap"
)

// Removed lists the parts that a removal took out of the catalogue, or would take.
type Removed struct {
	// Snaps, Charms and Bundles are the names that were removed with everything.
	Snaps   []string `json:"snaps"`
	Charms  []string `json:"charms"`
	Bundles []string `json:"bundles"`
	// SnapRevisions are the revisions of snaps. CharmRevisions and CharmResources are the ones of charms and their resources.
	SnapRevisions  []SnapRevisionRef  `json:"revisions"`
	CharmRevisions []CharmRevisionRef `json:"charm-revisions"`
	CharmResources []ResourceRef      `json:"charm-resources"`
	// SnapMoves and CharmMoves are the rows of channel maps that held them. Overrides are rows of operators.
	SnapMoves  []SnapMove  `json:"channel-moves"`
	CharmMoves []CharmMove `json:"charm-channel-moves"`
	Overrides  []SnapMove  `json:"overrides"`
	// Repositories are the names of repositories that were removed with everything. RepositoryImages are images that belong to no charm, and
	// TagMoves the tags that went away.
	Repositories     []string             `json:"repositories"`
	RepositoryImages []RepositoryImageRef `json:"repository-images"`
	TagMoves         []TagMove            `json:"tag-moves"`
	// Images counts manifests of images.
	Images int `json:"images"`
	// Blobs counts the blobs that nothing refers to any more. Size is their size in bytes.
	Blobs int   `json:"blobs"`
	Size  int64 `json:"size"`
}

func newRemoved() *Removed {
	return &Removed{
		Snaps: []string{}, Charms: []string{}, Bundles: []string{}, SnapRevisions: []SnapRevisionRef{}, CharmRevisions: []CharmRevisionRef{},
		CharmResources: []ResourceRef{}, SnapMoves: []SnapMove{}, CharmMoves: []CharmMove{}, Overrides: []SnapMove{},
		Repositories: []string{}, RepositoryImages: []RepositoryImageRef{}, TagMoves: []TagMove{},
	}
}

// IsEmpty reports whether nothing was removed.
func (r *Removed) IsEmpty() bool {
	return len(r.Snaps)+len(r.Charms)+len(r.Bundles)+len(r.SnapRevisions)+len(r.CharmRevisions)+len(r.CharmResources)+len(r.RepositoryImages)+len(r.TagMoves) == 0
}

// Changes counts the removed revisions and images, and the rows of channel maps and the tags that lost theirs.
func (r *Removed) Changes() (revisions, moves int) {
	return len(r.SnapRevisions) + len(r.CharmRevisions) + len(r.CharmResources) + len(r.RepositoryImages),
		len(r.SnapMoves) + len(r.CharmMoves) + len(r.Overrides) + len(r.TagMoves)
}

// Names returns the names of the snaps, charms, charm bundles and repositories that lost something, each once.
func (r *Removed) Names() []string {
	names := slices.Concat(r.Snaps, r.Charms, r.Bundles)
	for _, rev := range r.SnapRevisions {
		names = append(names, rev.Snap)
	}
	for _, rev := range r.CharmRevisions {
		names = append(names, rev.Charm)
	}
	for _, res := range r.CharmResources {
		names = append(names, res.Charm)
	}
	for _, i := range r.RepositoryImages {
		names = append(names, i.Repository)
	}
	for _, m := range r.TagMoves {
		names = append(names, m.Repository)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (r *Removed) addSnap(s *Snap, it Item) {
	if it.Whole {
		r.Snaps = append(r.Snaps, s.Name)
	}
	for _, rev := range s.Revisions {
		if it.takes(rev.Number) {
			r.SnapRevisions = append(r.SnapRevisions, SnapRevisionRef{s.Name, rev.Number, rev.Download.Size})
		}
	}
	r.SnapMoves = append(r.SnapMoves, lostRows(s.Name, s.ChannelMap, it)...)
	r.Overrides = append(r.Overrides, lostRows(s.Name, s.Overrides, it)...)
}

// lostRows returns the rows that hold a removed revision. A row that holds another one for another epoch moves to that one.
func lostRows(name string, rows []snap.Release, it Item) (out []SnapMove) {
	for _, row := range rows {
		if !it.takes(row.Revision) {
			continue
		}
		move := SnapMove{Snap: name, Architecture: row.Architecture, Channel: row.Channel, From: row.Revision, To: channelmap.NoRow}
		for _, other := range rows {
			if other.Architecture == row.Architecture && other.Channel == row.Channel && !it.takes(other.Revision) {
				move.To = max(move.To, other.Revision)
			}
		}
		out = append(out, move)
	}
	return out
}

func (r *Removed) addCharm(c *Charm, it Item) {
	switch {
	case it.Whole && c.Type == charm.TypeBundle:
		r.Bundles = append(r.Bundles, c.Name)
	case it.Whole:
		r.Charms = append(r.Charms, c.Name)
	}
	for _, rev := range c.Revisions {
		if it.takes(rev.Number) {
			r.CharmRevisions = append(r.CharmRevisions, CharmRevisionRef{c.Name, rev.Number, rev.Download.Size})
		}
	}
	for _, res := range c.Resources {
		ref := ResourceRef{c.Name, res.Name, res.Revision, res.Download.Size}
		if it.Whole || slices.ContainsFunc(it.Resources, ref.isSame) {
			r.CharmResources = append(r.CharmResources, ref)
		}
	}
	for _, row := range c.ChannelMap {
		if !it.takes(row.Revision) {
			continue
		}
		move := CharmMove{Charm: c.Name, Channel: row.Channel, From: row.Revision, To: channelmap.NoRow}
		if row.Base != nil {
			move.Base = row.Base.String()
		}
		r.CharmMoves = append(r.CharmMoves, move)
	}
}

// takes reports whether revision n of the item is removed. A closed row, with revision 0, goes only with the whole item.
func (it Item) takes(n int) bool { return it.Whole || slices.Contains(it.Revisions, n) }

// isSame compares two references without their sizes.
func (r ResourceRef) isSame(other ResourceRef) bool {
	return r.Charm == other.Charm && r.Resource == other.Resource && r.Revision == other.Revision
}

// unusedResources returns the revisions of resources that were released only with removed revisions of the charm. The newest revision
// of each resource stays, for the revisions of the charm that were never released.
func unusedResources(c *Charm, it Item) (out []ResourceRef) {
	removed, kept := make(map[charm.ResourceRef]bool), make(map[charm.ResourceRef]bool)
	for _, row := range slices.Concat(c.ChannelMap, c.Pushed, c.History) {
		for _, ref := range row.Resources {
			removed[ref] = removed[ref] || it.takes(row.Revision)
			kept[ref] = kept[ref] || !it.takes(row.Revision)
		}
	}
	for i, res := range c.Resources {
		ref := charm.ResourceRef{Name: res.Name, Revision: res.Revision}
		newest := i+1 == len(c.Resources) || c.Resources[i+1].Name != res.Name
		if removed[ref] && !kept[ref] && !newest {
			out = append(out, ResourceRef{Charm: c.Name, Resource: res.Name, Revision: res.Revision})
		}
	}
	return out
}

// snap returns a snap of the snapshot by name, or nil.
func (c *Snapshot) snap(name string) *Snap {
	i, ok := slices.BinarySearchFunc(c.Snaps, name, func(s Snap, name string) int { return strings.Compare(s.Name, name) })
	if !ok {
		return nil
	}
	return &c.Snaps[i]
}

// charm returns a charm or charm bundle of the snapshot by name, or nil.
func (c *Snapshot) charm(name string) *Charm {
	i, ok := slices.BinarySearchFunc(c.Charms, name, func(ch Charm, name string) int { return strings.Compare(ch.Name, name) })
	if !ok {
		return nil
	}
	return &c.Charms[i]
}

// RemovalRecord is one removal in the history.
type RemovalRecord struct {
	ID        int64     `json:"removal"`
	Reason    string    `json:"reason"`
	RemovedBy string    `json:"removed-by"`
	RemovedAt time.Time `json:"removed-at"`
	Forced    bool      `json:"forced"`
	Report    Removed   `json:"report"`
}

// Removals returns the removals, newest first. Their users and times are from the audit trail, where it has them.
func (db *DB) Removals(ctx context.Context) ([]RemovalRecord, error) {
	const q = `
		select id, reason, removed_by, coalesce(at, removed_at), forced, report, coalesce(content, '')
		from removal left join audit on number = audit_row order by id desc`
	rows, err := db.pool.Query(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("read the history: %w", interpret(err))
	}
	var out []RemovalRecord
	var r RemovalRecord
	var report, content string
	_, err = pgx.ForEachRow(rows, []any{&r.ID, &r.Reason, &r.RemovedBy, &r.RemovedAt, &r.Forced, &report, &content}, func() error {
		if row, err := (audit.Entry{Content: []byte(content)}).Decode(); err == nil && row.Who != audit.Unknown { // the verification of the trail tells of others
			r.RemovedBy = row.Who
		}
		r.Report = Removed{}
		out = append(out, r)
		return json.Unmarshal([]byte(report), &out[len(out)-1].Report)
	})
	if err != nil {
		return nil, fmt.Errorf("read the history: %w", interpret(err))
	}
	return out, nil
}
