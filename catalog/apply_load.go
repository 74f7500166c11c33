package catalog

import (
	"errors"
	"strings"

	"github.com/jackc/pgx/v5"

	"offlinestore/charm"
	"offlinestore/snap"
)

// loaded is the part of the catalogue that an import may change, as it was before.
type loaded struct {
	assertionStates map[string]*assertionState // by the keys of their refs

	knownSnaps map[string]*knownListing[snap.Listing] // by ID
	snapIcons  map[string]origin                      // the bundles that stated the icons, by ID
	// known has every revision of the import's snaps. revisions adds the ones of the import.
	known map[revisionKey]knownItem
	rows  []storedRow
	rowAt map[string]int // the places of rows, by the keys of replacedSnapRow

	knownCharmListings map[string]*knownListing[charm.Listing]
	charmIcons         map[string]origin
	knownCharms        map[revisionKey]knownItem
	knownResources     map[resourceKey]knownItem
	charmLedger        *charmLedger
	charmRows          map[string]replacedCharmRow // by their keys

	knownImageTags map[[2]string]knownItem // by repository and tag
	// knownRepositoryImages are by repository and digest.
	knownRepositoryImages map[tagKey]knownRepositoryImage
	knownTags             map[tagKey]knownTag
	withdrawals           []statedWithdrawal
	privacy               *privacy            // nil if the import states nothing about stores and private snaps
	homes                 map[string]snapHome // the homes that the import states, by snap-id
}

// load adds the import to the history, and loads everything that the following steps compare the import with. All of that takes one
// round trip, because a push of many small bundles spends its time on them.
func (a *applier) load() error {
	a.queueImported()
	a.queueTakenBack()
	a.queueRecord()
	a.loadHolds()
	a.loadAssertions()
	if err := a.loadSnaps(); err != nil {
		return err
	}
	a.loadRevisions()
	a.loadChannels()
	if err := a.loadCharms(); err != nil {
		return err
	}
	a.loadCharmRevisions()
	a.loadCharmResources()
	a.loadCharmChannels()
	a.loadImageTags()
	a.loadRepositories()
	a.loadWithdrawals()
	a.loadPrivacy()
	return a.flush()
}

// queueImported finds out whether this bundle is in the history. The same content with a later signature is another bundle, because it
// states that the channels hold this content again, or still. Files without a signature have no such time.
func (a *applier) queueImported() {
	const q = `select exists (select from import where bundle = $1 and (signed_at >= $2 or signer = any($3)))`
	a.queue.Queue(q, a.in.Bundle.String(), a.in.SignedAt, []string{Unsigned, OwnSignatures, StoreSignatures}).QueryRow(func(row pgx.Row) error {
		return row.Scan(&a.r.AlreadyImported)
	})
}

// queueTakenBack finds out whether a rollback took this bundle back the last time that it was imported. Only the operator's force makes its
// channels count again.
func (a *applier) queueTakenBack() {
	const q = `
		select coalesce(rollback_id, 0) from import where bundle = $1 and (signed_at >= $2 or signer = any($3)) order by id desc limit 1`
	a.queue.Queue(q, a.in.Bundle.String(), a.in.SignedAt, []string{Unsigned, OwnSignatures, StoreSignatures}).QueryRow(func(row pgx.Row) error {
		var rollback int64
		err := row.Scan(&rollback)
		if errors.Is(err, pgx.ErrNoRows) || a.in.PushChannelMap {
			return nil
		}
		a.takenBack, a.r.TakenBack = rollback, rollback
		return err
	})
}

// queueRecord adds the import to the history. finishImport completes it.
func (a *applier) queueRecord() {
	const q = `
		insert into import (bundle, name, signer, signed_at, sequence, exporter, program, report)
		values ($1, $2, $3, $4, $5, $6, $7, '{}') returning id`
	in := a.in
	a.queue.Queue(q, in.Bundle.String(), text(in.Name), in.Signer, in.SignedAt, int64(in.Sequence), text(in.Exporter), text(in.Program)).QueryRow(func(row pgx.Row) error {
		return row.Scan(&a.id)
	})
}

// text returns s as PostgreSQL can hold it. The name of a file may be any bytes, and JSON may hold a zero.
func text(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}
