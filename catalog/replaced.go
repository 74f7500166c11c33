package catalog

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"offlinestore/charm"
)

// replaced is the state that an import has replaced. It is stored with the import, so that a rollback can return to it. Each part is there
// once, as it was before the import.
type replaced struct {
	Snaps       []replacedSnapRow    `json:"snaps,omitempty"`
	Charms      []replacedCharmRow   `json:"charms,omitempty"`
	Items       []replacedItem       `json:"items,omitempty"`
	Withdrawals []replacedWithdrawal `json:"withdrawals,omitempty"`
	Tags        []replacedTag        `json:"tags,omitempty"`
	seen        map[string]bool
}

// statement is the import that made a statement. Import is 0 if there was none.
type statement struct {
	Import   int64     `json:"import,omitempty"`
	SignedAt time.Time `json:"signed-at,omitzero"`
}

// replacedSnapRow is a row of a snap's channel map. If it has no releases and a statement, the channel was closed.
type replacedSnapRow struct {
	SnapID       string `json:"snap-id"`
	Architecture string `json:"architecture"`
	Channel      string `json:"channel"`
	statement
	Releases []replacedRelease `json:"releases,omitempty"`
}

type replacedRelease struct {
	Revision   int    `json:"revision"`
	ReleasedAt string `json:"released-at,omitempty"`
}

// replacedCharmRow is a row of a charm's channel map, like replacedSnapRow.
type replacedCharmRow struct {
	CharmID string     `json:"charm-id"`
	Base    charm.Base `json:"base"`
	Channel string     `json:"channel"`
	statement
	Revision   int             `json:"revision,omitempty"`
	ReleasedAt string          `json:"released-at,omitempty"`
	Resources  json.RawMessage `json:"resources,omitempty"`
}

// replacedItem is the message about a revision of a resource, or of a charm bundle, which names images.
type replacedItem struct {
	CharmID  string `json:"charm-id"`
	Resource string `json:"resource,omitempty"`
	Revision int    `json:"revision"`
	Import   int64  `json:"import"`
	// Item is the column with the message. It is empty if the import has not changed it.
	Item json.RawMessage `json:"item,omitempty"`
}

// replacedWithdrawal is the statement that a snap or charm is withdrawn. Import is 0 if it was not.
type replacedWithdrawal struct {
	Withdrawal
	Import int64 `json:"import,omitempty"`
}

// replacedTag is the image that a tag of a repository named. Import is 0 if there was none.
type replacedTag struct {
	Repository string        `json:"repository"`
	Tag        string        `json:"tag"`
	Digest     digest.Digest `json:"digest,omitempty"`
	Source     string        `json:"source,omitempty"`
	Import     int64         `json:"import,omitempty"`
}

func (r *replacedSnapRow) key() string { return joinKey("snap", r.SnapID, r.Architecture, r.Channel) }

func (r *replacedCharmRow) key() string {
	return joinKey("charm", r.CharmID, r.Base.Name, r.Base.Channel, r.Base.Architecture, r.Channel)
}

func (r *replacedItem) key() string {
	return joinKey("item", r.CharmID, r.Resource, strconv.Itoa(r.Revision))
}

func (r *replacedWithdrawal) key() string { return joinKey("withdrawal", string(r.Kind), r.Name) }

func (r *replacedTag) key() string { return joinKey("tag", r.Repository, r.Tag) }

func joinKey(parts ...string) string { return strings.Join(parts, "\x00") }

// isNew reports whether a part is not there yet.
func (r *replaced) isNew(key string) bool {
	if r.seen == nil {
		r.seen = make(map[string]bool)
	}
	if r.seen[key] {
		return false
	}
	r.seen[key] = true
	return true
}

func (r *replaced) addSnapRow(row replacedSnapRow) {
	if r.isNew(row.key()) {
		r.Snaps = append(r.Snaps, row)
	}
}

func (r *replaced) addCharmRow(row replacedCharmRow) {
	if r.isNew(row.key()) {
		r.Charms = append(r.Charms, row)
	}
}

func (r *replaced) addItem(item replacedItem) {
	if r.isNew(item.key()) {
		r.Items = append(r.Items, item)
	}
}

func (r *replaced) addWithdrawal(w replacedWithdrawal) {
	if r.isNew(w.key()) {
		r.Withdrawals = append(r.Withdrawals, w)
	}
}

func (r *replaced) addTag(t replacedTag) {
	if r.isNew(t.key()) {
		r.Tags = append(r.Tags, t)
	}
}

// addAll adds the parts that a later import has replaced.
func (r *replaced) addAll(later *replaced) {
	for _, row := range later.Snaps {
		r.addSnapRow(row)
	}
	for _, row := range later.Charms {
		r.addCharmRow(row)
	}
	for _, item := range later.Items {
		r.addItem(item)
	}
	for _, w := range later.Withdrawals {
		r.addWithdrawal(w)
	}
	for _, t := range later.Tags {
		r.addTag(t)
	}
}

// replaceSnapRow remembers a row before the import changes it.
func (a *applier) replaceSnapRow(snapID, architecture, channel string) {
	row := replacedSnapRow{SnapID: snapID, Architecture: architecture, Channel: channel}
	if i, ok := a.rowAt[row.key()]; ok {
		stored := &a.rows[i]
		row.statement = statement{stored.importID, stored.origin.SignedAt}
		for _, r := range stored.releases {
			if r.Revision > 0 {
				row.Releases = append(row.Releases, replacedRelease{r.Revision, r.ReleasedAt})
			}
		}
	}
	a.replaced.addSnapRow(row)
}

// replaceCharmRow remembers a row like replaceSnapRow.
func (a *applier) replaceCharmRow(id string, base charm.Base, channel string) {
	row := replacedCharmRow{CharmID: id, Base: base, Channel: channel}
	if stored, ok := a.charmRows[row.key()]; ok {
		row = stored
	}
	a.replaced.addCharmRow(row)
}

// replaceItem remembers an item before the import changes it, or states it again.
func (a *applier) replaceItem(key resourceKey, have knownItem, changed bool) {
	item := replacedItem{CharmID: key.id, Resource: key.name, Revision: key.revision, Import: have.importID}
	if changed {
		item.Item = have.item
	}
	a.replaced.addItem(item)
}
