package catalog_test

import (
	"maps"
	"slices"
	"strings"
)

// siteModel is a naive model of a store: what devices must see in each channel. It copies everything for each step, so that taking back is
// to look at a copy. It knows nothing of tables.
//
// Rows are named "jq latest/stable/amd64". More kinds of steps (carry, lose, receipt, want, restore) are methods beside the ones here, and a
// row in steps of the test.
type siteModel struct {
	// rows has the rows of bundles, and imports the imports in their order.
	rows    map[string]modelRow
	imports []*modelImport
	// holds are by the name of a snap or charm. all means that new ones are held, too.
	holds map[string]*modelHold
	all   bool
	// own has the revisions in channels of the operator's own, and here has the revisions that are in the store, as "jq 7".
	own   map[string]int
	here  map[string]bool
	names map[string]bool
}

// modelRow is the content of a channel, and the bundle that stated it. Revision 0 means that it is closed.
type modelRow struct {
	revision int
	bundle   *modelBundle
}

// modelBundle is a bundle. Of two bundles, the one of the later day counts, then the one of the higher sequence.
type modelBundle struct {
	content       string // bundles of the same content differ only in their days
	day, sequence int
	rows          map[string]int
	revisions     []string
}

// modelImport is an import with the state before it.
type modelImport struct {
	id        int64
	bundle    *modelBundle
	takenBack bool
	before    map[string]modelRow
	written   map[string]bool
}

type modelHold struct {
	rows  map[string]modelRow
	since int64 // the newest import then
}

func newSiteModel() *siteModel {
	return &siteModel{rows: map[string]modelRow{}, holds: map[string]*modelHold{}, own: map[string]int{}, here: map[string]bool{}, names: map[string]bool{}}
}

func nameOf(row string) string {
	name, _, _ := strings.Cut(row, " ")
	return name
}

func (b *modelBundle) newerThan(o *modelBundle) bool {
	if b.day != o.day {
		return b.day > o.day
	}
	if b.sequence != o.sequence {
		return b.sequence > o.sequence
	}
	return digestOf(b.content) > digestOf(o.content)
}

func (b *modelBundle) isSame(o *modelBundle) bool { return b.content == o.content && b.day == o.day }

// isTakenBack reports whether a rollback took a bundle back the last time that its content was imported with this day, or a later one.
func (m *siteModel) isTakenBack(b *modelBundle) bool {
	for _, im := range slices.Backward(m.imports) {
		if im.bundle.content == b.content && im.bundle.day >= b.day {
			return im.takenBack
		}
	}
	return false
}

// push imports a bundle. recorded reports whether the history has a new line, with the number id.
func (m *siteModel) push(b *modelBundle, force bool, id int64, recorded bool) {
	im := &modelImport{id: id, bundle: b, takenBack: !force && m.isTakenBack(b), before: maps.Clone(m.rows), written: map[string]bool{}}
	for _, r := range b.revisions {
		m.here[r] = true
		if name := nameOf(r); !m.names[name] {
			m.names[name] = true
			if m.all {
				m.holds[name] = &modelHold{rows: map[string]modelRow{}, since: id - 1}
			}
		}
	}
	for row, revision := range b.rows {
		have, ok := m.rows[row]
		switch {
		case im.takenBack, ok && !force && have.bundle.newerThan(b):
		case !ok, have.revision != revision, !have.bundle.isSame(b):
			m.rows[row], im.written[row] = modelRow{revision, b}, true
		}
	}
	if recorded {
		m.imports = append(m.imports, im)
	}
}

// rollback takes the imports from id on back. It reports whether there are some, and whether all revisions are there.
func (m *siteModel) rollback(id int64) (found, whole bool) {
	var list []*modelImport
	for _, im := range m.imports {
		if im.id >= id && !im.takenBack {
			list = append(list, im)
		}
	}
	if len(list) == 0 {
		return false, false
	}
	before, touched := list[0].before, map[string]int64{}
	for _, im := range slices.Backward(list) {
		for row := range im.written {
			touched[row] = im.id
		}
	}
	for row := range touched {
		if was, ok := before[row]; ok && was.revision > 0 && !m.here[nameOf(row)+" "+itoa(was.revision)] {
			return true, false
		}
	}
	m.rows = maps.Clone(before)
	for row, since := range touched {
		h := m.holds[nameOf(row)]
		if h == nil || since > h.since {
			continue
		}
		delete(h.rows, row)
		if was, ok := before[row]; ok {
			h.rows[row] = was
		}
	}
	for _, im := range list {
		im.takenBack = true
	}
	return true, true
}

// last returns the number of the last import that counts, or 0.
func (m *siteModel) last() int64 {
	for _, im := range slices.Backward(m.imports) {
		if !im.takenBack {
			return im.id
		}
	}
	return 0
}

// hold holds a name, or everything if it is empty. since is the newest number of the history.
func (m *siteModel) hold(name string, since int64) {
	for n := range m.names {
		if (name == "" || n == name) && m.holds[n] == nil {
			m.holds[n] = &modelHold{rows: m.rowsOf(n), since: since}
		}
	}
	m.all = m.all || name == ""
}

func (m *siteModel) rowsOf(name string) map[string]modelRow {
	out := maps.Clone(m.rows)
	maps.DeleteFunc(out, func(row string, _ modelRow) bool { return nameOf(row) != name })
	return out
}

// release ends the hold of a name, or all holds if it is empty.
func (m *siteModel) release(name string) {
	if name == "" {
		m.holds, m.all = map[string]*modelHold{}, false
	}
	delete(m.holds, name)
}

// seen returns what devices find: rows with their revisions.
func (m *siteModel) seen() map[string]int {
	out := map[string]int{}
	for name := range m.names {
		rows := m.rowsOf(name)
		if h := m.holds[name]; h != nil {
			rows = h.rows
		}
		for row, r := range rows {
			out[row] = r.revision
		}
	}
	maps.Copy(out, m.own)
	return out
}

// needed returns the revisions that must stay: all that channels hold, served or held back, or to which a rollback of the last import returns.
func (m *siteModel) needed() map[string]bool {
	out := map[string]bool{}
	add := func(rows map[string]modelRow) {
		for row, r := range rows {
			out[nameOf(row)+" "+itoa(r.revision)] = true
		}
	}
	add(m.rows)
	for _, h := range m.holds {
		add(h.rows)
	}
	for row, n := range m.own {
		out[nameOf(row)+" "+itoa(n)] = true
	}
	for _, im := range slices.Backward(m.imports) {
		if !im.takenBack && len(im.written) > 0 {
			before := maps.Clone(im.before)
			maps.DeleteFunc(before, func(row string, _ modelRow) bool { return !im.written[row] })
			add(before)
			break
		}
	}
	return out
}
