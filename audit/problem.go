package audit

import "fmt"

// Kind is a kind of Problem.
type Kind string

// The kinds of problems.
const (
	// Removed rows are not there.
	Removed Kind = "removed"
	// Altered rows have another content than the one that was hashed.
	Altered Kind = "altered"
	// Inserted rows have a number that another row has, or come after the end.
	Inserted Kind = "inserted"
	// Moved rows are not in their place.
	Moved Kind = "moved"
	// Rewritten rows follow each other, but the store has signed another hash of the last one. Any of them may be removed, altered or inserted.
	Rewritten Kind = "rewritten"
	// Unsigned rows have no signature by a known key. Such a problem may be about a line that is no row.
	Unsigned Kind = "unsigned"
	// Contradicted rows are about acts that the store has other records of.
	Contradicted Kind = "contradicted"
	// NotCompared rows have a noted hash, and are not in the file.
	NotCompared Kind = "not-compared"
	// Lost rows, or acts, are ones that a row of the trail itself tells of. This is the kind of warnings.
	Lost Kind = "lost"
	// Malformed lines have not the form of the format.
	Malformed Kind = "malformed"
)

// Problem is a fault of a trail.
type Problem struct {
	Kind Kind `json:"kind"`
	// First and Last are numbers of rows, or 0.
	First int64 `json:"first,omitempty"`
	Last  int64 `json:"last,omitempty"`
	// Line is the line of the file at which the problem was seen. It is 0 for a trail that is in no file.
	Line int64 `json:"line,omitempty"`
	// Reason tells how the problem was seen.
	Reason string `json:"reason"`
}

// String names the rows, the kind and the reason.
func (p Problem) String() string {
	text := p.rows()
	if p.Line > 0 {
		text += fmt.Sprintf(" (line %d)", p.Line)
	}
	return text + ": " + p.Reason
}

func (p Problem) rows() string {
	switch {
	case p.First == 0 && p.Kind == Malformed:
		return "malformed"
	case p.First == 0:
		return "not signed"
	}
	what := map[Kind]string{
		Removed: "removed", Altered: "altered", Inserted: "inserted", Moved: "moved to another place", Rewritten: "rewritten", Unsigned: "not signed", Malformed: "malformed", Contradicted: "contradicted", NotCompared: "not compared", Lost: "added for lost ones",
	}[p.Kind]
	if p.First == p.Last {
		return fmt.Sprintf("row %d was %s", p.First, what)
	}
	return fmt.Sprintf("rows %d to %d were %s", p.First, p.Last, what)
}
