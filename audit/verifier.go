package audit

import (
	"fmt"
	"slices"
	"time"
)

// Verifier verifies the rows and the signed heads of a trail, one after the other. It holds only a few of them.
type Verifier struct {
	Result
	keys []PublicKey
	line int64
	// place is where the next row belongs.
	place place
	// jump is the state before the last row, if that row left out others. It decides with the next row who is in the wrong place.
	jump *place
	// gaps are the numbers that were left out, and early the rows that came before their place.
	gaps  [][2]int64
	early map[int64][]string
	// vouched is the number of rows that the newest matching head vouches for.
	vouched int64
	// want is the tip that the header names. noted are hashes of rows that somebody noted earlier.
	want  *Tip
	noted map[int64][]string
	// previous is the row before the first one.
	previous Tip
}

// place is the end of a trail so far. Its last row may have several hashes: the one that it states, and the one that it has.
type place struct {
	number int64
	hashes []string
}

// NewVerifier begins with the first row of a trail. It takes the store's public keys: a store that lost its key has signed with several.
func NewVerifier(keys ...PublicKey) *Verifier {
	v := &Verifier{keys: keys, early: make(map[int64][]string), noted: make(map[int64][]string)}
	v.Problems, v.Warnings = []Problem{}, []Problem{}
	v.Begin(Tip{})
	return v
}

// Begin begins with the row after a tip.
func (v *Verifier) Begin(t Tip) {
	v.place, v.First, v.vouched, v.previous = place{t.Number, []string{t.hash()}}, t.Number+1, t.Number, t
}

// Expect compares a row with a hash that somebody noted earlier. This finds a trail that was made anew with the store's key, too.
func (v *Verifier) Expect(t Tip) { v.noted[t.Number] = append(v.noted[t.Number], t.Hash) }

// Contradict reports another record of a row's act.
func (v *Verifier) Contradict(row int64, reason string) { v.about(Contradicted, row, "%s", reason) }

// RequireSigned reports rows of which none is signed by a known key. It is for a trail outside of a file, whose header is signed.
func (v *Verifier) RequireSigned() {
	if v.SignedAt == nil && v.place.number >= v.First {
		v.report(Problem{Kind: Unsigned, First: v.First, Last: v.place.number, Reason: "there is no signed head by a known key"})
	}
}

// compare compares a row with its noted hash.
func (v *Verifier) compare(n int64, hash string) {
	for _, want := range v.noted[n] {
		if want != hash {
			v.report(Problem{Kind: Rewritten, First: min(v.First, n), Last: n, Reason: "the hash of row " + fmt.Sprint(n) + " is " + hash + ", and " + want + " was noted"})
		}
	}
	delete(v.noted, n)
}

// report adds a problem, unless the last one is about the same row.
func (v *Verifier) report(p Problem) {
	p.Line = v.line
	if slices.ContainsFunc(v.Problems, func(q Problem) bool { return q.Kind == p.Kind && q.First == p.First && p.First > 0 }) {
		return
	}
	if len(v.Problems) == maxProblems {
		v.More++
		return
	}
	v.Problems = append(v.Problems, p)
}

// warn adds a warning about a row.
func (v *Verifier) warn(row *Row, format string, args ...any) {
	if len(v.Warnings) == maxProblems {
		v.MoreWarnings++
		return
	}
	v.Warnings = append(v.Warnings, Problem{Kind: Lost, First: row.Number, Last: row.Number, Line: v.line, Reason: fmt.Sprintf(format, args...)})
}

// about reports a problem of one row.
func (v *Verifier) about(kind Kind, number int64, format string, args ...any) {
	v.report(Problem{Kind: kind, First: number, Last: number, Reason: fmt.Sprintf(format, args...)})
}

// unreadable takes a line that is no row for the next row.
func (v *Verifier) unreadable(reason string) {
	v.settle(nil)
	v.about(Altered, v.place.number+1, "%s", reason)
	v.place = place{v.place.number + 1, nil}
}

// Row verifies a row, which states its hash.
func (v *Verifier) Row(hash string, content []byte) {
	computed := hashOf(content)
	row, err := decodeRow(content)
	switch {
	case err != nil:
		v.unreadable(err.Error())
		v.place.hashes = []string{hash, computed}
		return
	case computed != hash:
		v.unreadable("its hash is " + computed + ", and it states " + hash)
		v.place.hashes = []string{hash, computed}
		return
	}
	v.settle(row)
	v.compare(row.Number, hash)
	v.readLoss(row)
	n, next := row.Number, v.place.number+1
	switch {
	case n > next:
		before := v.place
		v.jump = &before
		v.place = place{n, []string{hash}}
	case n == next:
		v.link(row)
		v.place = place{n, []string{hash}}
		v.takeEarly()
	case v.fillGap(n):
		v.about(Moved, n, "it comes after row %d", v.place.number)
	default:
		v.about(Inserted, n, "the file has another row %d", n)
		if n == v.place.number {
			v.place.hashes = append(v.place.hashes, hash)
		}
	}
}

// link verifies that the row names the hash of the one before. A place without hashes was reported before.
func (v *Verifier) link(row *Row) {
	if len(v.place.hashes) == 0 || slices.Contains(v.place.hashes, row.Previous) {
		return
	}
	if v.place.number < v.First {
		v.about(Altered, row.Number, "it names another hash of the row before")
		return
	}
	v.about(Altered, v.place.number, "row %d names another hash of it", row.Number)
}

// settle decides about a row that left out others. If the next row is one of those, the row before came too early. Otherwise they are
// missing.
func (v *Verifier) settle(next *Row) {
	if v.jump == nil {
		return
	}
	before, after := *v.jump, v.place
	v.jump = nil
	if next != nil && next.Number > before.number && next.Number < after.number && len(v.early) < maxProblems {
		v.about(Moved, after.number, "it comes after row %d", before.number)
		v.early[after.number] = after.hashes
		v.place = before
		return
	}
	v.miss(before.number+1, after.number-1)
}

// miss reports rows that are not there.
func (v *Verifier) miss(first, last int64) {
	if len(v.gaps) < maxProblems {
		v.gaps = append(v.gaps, [2]int64{first, last})
	}
	v.report(Problem{Kind: Removed, First: first, Last: last, Reason: fmt.Sprintf("row %d comes after row %d", last+1, first-1)})
}

// takeEarly passes over rows that came before their place.
func (v *Verifier) takeEarly() {
	for {
		hashes, ok := v.early[v.place.number+1]
		if !ok {
			return
		}
		delete(v.early, v.place.number+1)
		v.place = place{v.place.number + 1, hashes}
	}
}

// fillGap reports whether a row was missing until now. It is then missing no more.
func (v *Verifier) fillGap(n int64) bool {
	for i, g := range v.gaps {
		if n < g[0] || n > g[1] {
			continue
		}
		v.gaps = slices.Delete(v.gaps, i, i+1)
		v.Problems = slices.DeleteFunc(v.Problems, func(p Problem) bool { return p.Kind == Removed && p.First == g[0] })
		for _, part := range [][2]int64{{g[0], n - 1}, {n + 1, g[1]}} {
			if part[0] <= part[1] {
				v.miss(part[0], part[1])
			}
		}
		return true
	}
	return false
}

// Head verifies a signed head, which follows the row that it names.
func (v *Verifier) Head(content, signature []byte) {
	v.settle(nil)
	v.Heads++
	s, err := open(content, signature, v.keys)
	switch {
	case err != nil:
		v.about(Unsigned, v.place.number, "signed head: %v", err)
		return
	case s.Type != typeHead:
		v.about(Unsigned, v.place.number, "signed head: its type is %.40q", s.Type)
		return
	}
	v.signed(s)
	switch {
	case s.Rows > v.place.number:
		v.miss(v.place.number+1, s.Rows)
		v.place = place{s.Rows, []string{s.Hash}}
	case s.Rows < v.place.number:
		v.about(Unsigned, s.Rows, "its signed head comes after row %d", v.place.number)
	default:
		v.match(Tip{s.Rows, s.Hash})
	}
}

// match compares the last row with a signed one.
func (v *Verifier) match(t Tip) {
	if slices.Contains(v.place.hashes, t.Hash) || len(v.place.hashes) == 0 {
		v.vouched = t.Number
		return
	}
	v.report(Problem{Kind: Rewritten, First: min(v.vouched+1, t.Number), Last: t.Number, Reason: fmt.Sprintf("the store signed another hash of row %d, %s", t.Number, t.Hash)})
	v.vouched = t.Number
}

// signed remembers the newest signature.
func (v *Verifier) signed(s *statement) {
	at := time.Time(s.At)
	if v.SignedAt == nil || s.Rows > v.SignedRows || s.Rows == v.SignedRows && at.After(*v.SignedAt) {
		v.SignedAt, v.SignedRows = &at, s.Rows
	}
}

// Finish completes the verification. Rows after the newest signed head are no problem outside of a file: the store signs them soon.
func (v *Verifier) Finish() *Result {
	v.settle(nil)
	if t := v.want; t != nil {
		switch {
		case v.place.number < t.Number:
			v.report(Problem{Kind: Removed, First: v.place.number + 1, Last: t.Number, Reason: fmt.Sprintf("the header names %d rows", t.Number)})
		case v.place.number > t.Number:
			v.report(Problem{Kind: Inserted, First: t.Number + 1, Last: v.place.number, Reason: fmt.Sprintf("the header names %d rows", t.Number)})
		default:
			v.match(*t)
		}
	}
	v.compareRest()
	v.Last = v.place.number
	if len(v.place.hashes) > 0 {
		v.Hash = v.place.hashes[0]
	}
	return &v.Result
}
