package bundle_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"offlinestore/internal/vectortest"
)

// pgPayload is the number of the large blobs of pgVector. The last one is the archive of the charm, which is divided at divideAt.
const (
	pgPayload = 6
	divideAt  = 100
)

// pgDivision is a division of pgVector. FIRST and SECOND stand for the digests of the ranges, and REST for the size of the second one.
const pgDivision = `{"files":["pg.part1of2.tar","pg.part2of2.tar"],"places":[1,1,2,2,1,0],"ranges":[[{"part":1,"digest":"FIRST","size":100},{"part":2,"digest":"SECOND","size":REST}]]}`

// asPart makes a bundle one of its parts. places are the parts of its blobs; the archive may be divided.
func asPart(number int, division string, places ...int) func(*forge) {
	return func(f *forge) {
		archive := f.find("charm.pg_9").layers[0].data
		first, second := archive[:divideAt], archive[divideAt:]
		division := []byte(strings.NewReplacer("FIRST", "sha256:"+sha(first), "SECOND", "sha256:"+sha(second), "REST", strconv.Itoa(len(second)), "WHOLE", strconv.Itoa(len(archive))).Replace(division))
		f.editTop = func(index *ociIndex) {
			index.Annotations["vnd.offlinestore.part"] = strconv.Itoa(number)
			index.Annotations["vnd.offlinestore.division"] = "sha256:" + sha(division)
		}
		f.editFiles = func(files []*forgeFile) []*forgeFile {
			head, payload := files[:len(files)-pgPayload], files[len(files)-pgPayload:]
			out := slices.Insert(slices.Clone(head), 6, blobFile(division))
			for i, file := range payload {
				if places[i] == number {
					out = append(out, file)
				}
			}
			if places[pgPayload-1] == 0 && number == 1 {
				out = append(out, blobFile(first))
			} else if places[pgPayload-1] == 0 {
				out = append(out, blobFile(second))
			}
			return out
		}
	}
}

// pgPart returns a part of pgVector with a divided blob.
func pgPart(number int, division string) func(*forge) {
	return asPart(number, division, 1, 1, 2, 2, 1, 0)
}

// partVectors returns good parts.
func partVectors() []flaw {
	whole := `{"files":["a","b c.tar"],"places":[1,1,1,1,1,2],"more":{"ignored":[]}}`
	return []flaw{
		{name: "part-1", shows: "The first part of a bundle, with a range of a divided blob.", base: pgVector, edit: pgPart(1, pgDivision), result: vectortest.Valid},
		{name: "part-1", shows: "The same as a directory.", framing: "directory", base: pgVector, edit: pgPart(1, pgDivision), result: vectortest.Valid},
		{name: "part-2", shows: "The second part, with the other range.", base: pgVector, edit: pgPart(2, pgDivision), result: vectortest.Valid},
		{name: "part-of-blobs", shows: "A part of a bundle of which no blob is divided.", base: pgVector, edit: asPart(2, whole, 1, 1, 1, 1, 1, 2), result: vectortest.Valid},
		{name: "part-of-increment", shows: "A part of an increment: the receiver has a blob, and the division does not place it.", base: pgVector, edit: partOfIncrement, result: vectortest.Valid},
	}
}

// partOfIncrement leaves the archive of the charm out, and divides the rest.
func partOfIncrement(f *forge) {
	asPart(1, `{"files":["a","b"],"places":[1,1,2,2,1]}`, 1, 1, 2, 2, 1, 3)(f)
	left := sha(f.find("charm.pg_9").layers[0].data)
	f.predicate = fmt.Sprintf(`{"created":"2026-01-02T00:00:00Z","expects":["sha256:%s"],%s}}`, left, receiver)
}

// partFlaws returns parts that break a rule.
func partFlaws() []flaw {
	out := []flaw{
		{name: "part-number", shows: "A part has a number after the last one.", step: 5, edit: pgPart(3, pgDivision)},
		{name: "part-without-division", shows: "index.json has the number of a part, and no division.", step: 5, edit: func(f *forge) {
			f.editTop = func(index *ociIndex) { index.Annotations["vnd.offlinestore.part"] = "1" }
		}},
		{name: "part-other-number", shows: "The number of a part is written in another form.", step: 5, edit: func(f *forge) {
			pgPart(1, pgDivision)(f)
			edit := f.editTop
			f.editTop = func(index *ociIndex) {
				edit(index)
				index.Annotations["vnd.offlinestore.part"] = "01"
			}
		}},
		{name: "part-of-another", shows: "A part has the blobs of another one.", step: 11, edit: func(f *forge) {
			pgPart(2, pgDivision)(f)
			f.editTop = labelled(f, 1)
		}},
		{name: "part-lacks-range", shows: "A part lacks its range.", step: 11, edit: func(f *forge) {
			pgPart(1, pgDivision)(f)
			edit := f.editFiles
			f.editFiles = func(files []*forgeFile) []*forgeFile {
				files = edit(files)
				return files[:len(files)-1]
			}
		}},
		{name: "part-altered-range", shows: "A range has another digest than the division names.", step: 11, result: vectortest.DamagedBlob, damaged: true, edit: func(f *forge) {
			pgPart(1, pgDivision)(f)
			edit := f.editFiles
			f.editFiles = func(files []*forgeFile) []*forgeFile {
				files = edit(files)
				last := *files[len(files)-1]
				last.data = append(slices.Clone(last.data[:divideAt-1]), last.data[divideAt-1]^1)
				files[len(files)-1] = &last
				return files
			}
		}},
	}
	const ranges = `"ranges":[[{"part":1,"digest":"FIRST","size":100},{"part":2,"digest":"SECOND","size":REST}]]`
	const files, places = `"files":["a","b"]`, `"places":[1,1,2,2,1,0]`
	for name, division := range map[string]string{
		"one-part":       `{"files":["a"],"places":[1,1,1,1,1,1]}`,
		"no-files":       `{` + places + `,` + ranges + `}`,
		"file-path":      `{"files":["a/b","b"],` + places + `,` + ranges + `}`,
		"file-empty":     `{"files":["","b"],` + places + `,` + ranges + `}`,
		"places-missing": `{` + files + `,"places":[1,1,2,2,0],` + ranges + `}`,
		"places-too-far": `{` + files + `,"places":[1,1,2,3,1,0],` + ranges + `}`,
		"no-ranges":      `{` + files + `,` + places + `}`,
		"more-ranges":    `{` + files + `,"places":[1,1,2,2,1,1],` + ranges + `}`,
		"empty-part":     `{"files":["a","b","c"],` + places + `,` + ranges + `}`,
		"one-range":      `{` + files + `,` + places + `,"ranges":[[{"part":1,"digest":"FIRST","size":WHOLE}]]}`,
		"size-zero":      `{"files":["a","b","c"],` + places + `,"ranges":[[{"part":1,"digest":"FIRST","size":100},{"part":2,"digest":"SECOND","size":REST},{"part":3,"digest":"FIRST","size":0}]]}`,
		"size-short":     `{` + files + `,` + places + `,"ranges":[[{"part":1,"digest":"FIRST","size":99},{"part":2,"digest":"SECOND","size":REST}]]}`,
		"order":          `{` + files + `,` + places + `,"ranges":[[{"part":2,"digest":"FIRST","size":100},{"part":1,"digest":"SECOND","size":REST}]]}`,
		"same-part":      `{` + files + `,` + places + `,"ranges":[[{"part":1,"digest":"FIRST","size":100},{"part":1,"digest":"SECOND","size":REST}]]}`,
		"digest":         `{` + files + `,` + places + `,"ranges":[[{"part":1,"digest":"sha256:0","size":100},{"part":2,"digest":"SECOND","size":REST}]]}`,
		"null":           `{` + files + `,"places":null,` + ranges + `}`,
		"name-twice":     `{` + files + `,` + files + `,` + places + `,` + ranges + `}`,
	} {
		step := 10
		if slices.Contains([]string{"one-part", "no-files", "file-path", "file-empty", "name-twice"}, name) {
			step = 5
		}
		out = append(out, flaw{name: "part-" + name, shows: "The division of a part breaks a rule: " + strings.ReplaceAll(name, "-", " ") + ".", step: step, edit: pgPart(1, division)})
	}
	slices.SortFunc(out, func(a, b flaw) int { return strings.Compare(a.name, b.name) })
	for i := range out {
		out[i].base = pgVector
	}
	return out
}

// labelled returns an edit that makes a part claim to be the one with another number.
func labelled(f *forge, number int) func(*ociIndex) {
	edit := f.editTop
	return func(index *ociIndex) {
		edit(index)
		index.Annotations["vnd.offlinestore.part"] = strconv.Itoa(number)
	}
}
