package bundle_test

import (
	"slices"
	"strings"

	"offlinestore/internal/vectortest"
)

// leaveOut makes a bundle an increment: without the archive of the charm pg, which the predicate expects. In the parts of the predicate, BLOB
// stands for the digest of the archive.
func leaveOut(parts string) func(*forge) {
	return func(f *forge) {
		left := sha(f.find("charm.pg_9").layers[0].data)
		f.predicate = `{"created":"2026-01-02T00:00:00Z",` + strings.ReplaceAll(parts, "BLOB", "sha256:"+left) + `}`
		f.editFiles = func(files []*forgeFile) []*forgeFile {
			return slices.DeleteFunc(files, func(file *forgeFile) bool { return file.name == "blobs/sha256/"+left })
		}
	}
}

// The parts of the predicate of an increment.
const (
	earlier  = `{"bundle":"sha256:0000000000000000000000000000000000000000000000000000000000000000","created":"2026-01-01T00:00:00Z"`
	receiver = `"increment":{"receiver":"ship-7","basis":"receipt"`
)

// incrementVectors returns good increments.
func incrementVectors() []flaw {
	full := `"expects":["BLOB"],` + receiver + `,"receipt":"BLOB","previous":` + earlier + `,"sequence":6,"file":"a.tar"},"carried":[` + earlier + `,"blobs":[0]}]}`
	return []flaw{
		{name: "increment", shows: "A blob is left out, because the receiver has signed that it has it.", base: pgVector, edit: leaveOut(full), result: vectortest.Valid},
		{name: "increment", shows: "The same as a directory.", framing: "directory", base: pgVector, edit: leaveOut(full), result: vectortest.Valid},
		{name: "increment-assumed", shows: "A blob is left out, and nobody says in which bundle it was.", base: pgVector, edit: leaveOut(`"expects":["BLOB"],"increment":{"basis":"assumption","receiver":"x"}`), result: vectortest.Valid},
		{name: "increment-of-everything", shows: "A bundle is for a receiver, and nothing is left out.", base: pgVector, edit: inPredicate(`"increment":{"receiver":"ship-7"}`), result: vectortest.Valid},
	}
}

// inPredicate replaces the predicate by a time and parts.
func inPredicate(parts string) func(*forge) {
	return func(f *forge) { f.predicate = `{"created":"2026-01-02T00:00:00Z",` + parts + `}` }
}

// incrementFlaws returns increments whose statements break a rule.
func incrementFlaws() []flaw {
	out := []flaw{
		{name: "increment-has-blob", shows: "A blob is there although the statement says that it is left out.", step: 12, edit: func(f *forge) {
			leaveOut(`"expects":["BLOB"],` + receiver + `}`)(f)
			f.editFiles = nil
		}},
		{name: "increment-lacks-blob", shows: "A blob is not there, and the statement does not say so.", step: 11, edit: leaveOut(`"sequence":7`)},
		{name: "increment-small-blob", shows: "A blob of the head is left out.", step: 9, edit: func(f *forge) {
			inPredicate(`"expects":["sha256:` + sha(f.find("charm.pg_9").config.data) + `"],` + receiver + `}`)(f)
		}},
	}
	for name, parts := range map[string]string{
		"out-of-order":      `"expects":["BLOB","sha256:0000000000000000000000000000000000000000000000000000000000000000"],` + receiver + `}`,
		"twice":             `"expects":["BLOB","BLOB"],` + receiver + `}`,
		"no-receiver":       `"expects":["BLOB"]`,
		"no-basis":          `"expects":["BLOB"],"increment":{"receiver":"x"}`,
		"unknown-basis":     `"expects":["BLOB"],"increment":{"receiver":"x","basis":"hope"}`,
		"needless-basis":    receiver + `}`,
		"carried-position":  `"expects":["BLOB"],` + receiver + `,"carried":[` + earlier + `,"blobs":[1]}]}`,
		"carried-twice":     `"expects":["BLOB"],` + receiver + `,"carried":[` + earlier + `,"blobs":[0,0]}]}`,
		"previous-position": `"expects":["BLOB"],` + receiver + `,"previous":` + earlier + `,"blobs":[0]}}`,
		"carried-time":      `"expects":["BLOB"],` + receiver + `,"carried":[{"bundle":"BLOB","created":"2026-01-01T00:00:00+00:00"}]}`,
		"carried-digest":    `"expects":["BLOB"],` + receiver + `,"carried":[{"bundle":"sha256:0","created":"2026-01-01T00:00:00Z"}]}`,
		"receipt-digest":    `"expects":["BLOB"],` + receiver + `,"receipt":"7"}`,
	} {
		out = append(out, flaw{name: "increment-" + name, shows: "The statement of an increment breaks a rule: " + strings.ReplaceAll(name, "-", " ") + ".", step: 6, edit: leaveOut(parts)})
	}
	slices.SortFunc(out, func(a, b flaw) int { return strings.Compare(a.name, b.name) })
	for i := range out {
		out[i].base = pgVector
	}
	return out
}
