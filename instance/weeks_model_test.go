package instance_test

import (
	"bytes"
	"io"
	"maps"
	"slices"

	"github.com/opencontainers/go-digest"

	"offlinestore/bundle"
	"offlinestore/internal/bundletest"
)

// weeksModel is a naive model of a site: which blobs it holds, and what devices must see. It knows nothing of tables and files.
type weeksModel struct {
	// held has the blobs in the store, and rows the revision of each snap in its channel.
	held    map[digest.Digest]bool
	rows    map[string]modelRow
	imports []modelImport
	// known has the revisions that are in the store, with their blobs.
	known map[modelRevision]digest.Digest
}

// modelRow is the content of a channel, and the day of the bundle that stated it.
type modelRow struct{ revision, day int }

type modelRevision struct {
	snap     string
	revision int
}

// modelImport is an import that a rollback can take back.
type modelImport struct {
	bundle    *weeklyBundle
	before    map[string]modelRow
	takenBack bool
}

func newWeeksModel() *weeksModel {
	return &weeksModel{held: map[digest.Digest]bool{}, rows: map[string]modelRow{}, known: map[modelRevision]digest.Digest{}}
}

func (m *weeksModel) clone() *weeksModel {
	return &weeksModel{maps.Clone(m.held), maps.Clone(m.rows), slices.Clone(m.imports), maps.Clone(m.known)}
}

// lacks returns the blobs that a bundle leaves out and the site does not hold.
func (m *weeksModel) lacks(b *weeklyBundle) (missing []digest.Digest) {
	for _, d := range b.predicate.Expects {
		if !m.held[d] {
			missing = append(missing, d)
		}
	}
	return missing
}

// push imports a bundle that lacks nothing. recorded reports whether the history has a new line.
func (m *weeksModel) push(b *weeklyBundle, recorded bool) {
	im := modelImport{bundle: b, before: maps.Clone(m.rows)}
	for _, old := range slices.Backward(m.imports) {
		// A content that was taken back stays so, unless it is signed again later.
		if maps.Equal(old.bundle.rows, b.rows) && old.bundle.day >= b.day {
			im.takenBack = old.takenBack
			break
		}
	}
	for snap, revision := range b.rows {
		d := b.blobs[snap]
		m.held[d], m.known[modelRevision{snap, revision}] = true, d
		if have, ok := m.rows[snap]; !im.takenBack && (!ok || have.day < b.day) {
			m.rows[snap] = modelRow{revision, b.day}
		}
	}
	if recorded {
		m.imports = append(m.imports, im)
	}
}

// rollback takes the last import back that counts. It returns false if there is none.
func (m *weeksModel) rollback() bool {
	for i := len(m.imports) - 1; i >= 0; i-- {
		if im := &m.imports[i]; !im.takenBack {
			m.rows, im.takenBack = maps.Clone(im.before), true
			return true
		}
	}
	return false
}

// canRollBack reports whether the site has all revisions to which a rollback returns.
func (m *weeksModel) canRollBack() bool {
	for _, im := range slices.Backward(m.imports) {
		if im.takenBack {
			continue
		}
		for snap, row := range im.before {
			if _, ok := m.known[modelRevision{snap, row.revision}]; !ok {
				return false
			}
		}
		return true
	}
	return false
}

// prune removes the revisions that no channel has.
func (m *weeksModel) prune() {
	m.held = map[digest.Digest]bool{}
	for r, d := range m.known {
		if m.rows[r.snap].revision == r.revision {
			m.held[d] = true
		} else {
			delete(m.known, r)
		}
	}
}

func (m *weeksModel) seen() map[string]int {
	out := map[string]int{}
	for snap, row := range m.rows {
		out[snap] = row.revision
	}
	return out
}

// weeklyBundle is a bundle on its way.
type weeklyBundle struct {
	day       int
	rows      map[string]int
	blobs     map[string]digest.Digest
	predicate *bundle.Predicate
	packed    []byte
	content   *bundletest.Bundle
}

func (b *weeklyBundle) open(d digest.Digest) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(b.content.Content(d))), nil
}
