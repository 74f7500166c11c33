package catalog

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"offlinestore/audit"
)

// maxActNames is the number of names in a row of the audit trail. The history has all of them.
const maxActNames = 100

// importState describes an import in the audit trail. Report is the SHA-256 of its report in the table import.
type importState struct {
	Import       int64     `json:"import"`
	Bundle       string    `json:"bundle"`
	Signer       string    `json:"signer"`
	SignedAt     time.Time `json:"signed-at"`
	Sequence     uint64    `json:"sequence"`
	Forced       bool      `json:"push-channel-map,omitempty"`
	Names        []string  `json:"names"`
	MoreNames    int       `json:"more-names,omitempty"`
	Revisions    int       `json:"revisions"`
	ChannelMoves int       `json:"channel-moves"`
	Assertions   int       `json:"assertions"`
	Images       int       `json:"images,omitempty"`
	Withdrawals  int       `json:"withdrawals,omitempty"`
	Updates      int       `json:"updates,omitempty"`
	TakeOvers    []string  `json:"take-overs,omitempty"`
	Report       string    `json:"report-sha256"`
}

// importAct returns the row of an import.
func importAct(in *Import, r *Report, id int64, report []byte) audit.Act {
	s := importState{
		Import: id, Bundle: in.Bundle.String(), Signer: in.Signer, SignedAt: in.SignedAt.UTC(), Sequence: in.Sequence, Forced: in.PushChannelMap,
		Assertions: r.Assertions, Images: r.Images, Withdrawals: len(r.Withdrawals), Updates: len(r.Updates), Report: sumOf(report),
	}
	s.Revisions, s.ChannelMoves = r.Changes()
	s.Names, s.MoreNames = someNames(r.Names())
	for _, t := range r.TakeOvers {
		s.TakeOvers = append(s.TakeOvers, t.Name)
	}
	s.TakeOvers, _ = someNames(s.TakeOvers)
	return audit.Act{What: "push", Subject: text(in.Name), After: s}
}

// removalState describes a removal in the audit trail. Report is the SHA-256 of its report in the table removal.
type removalState struct {
	Removal      int64    `json:"removal"`
	Forced       bool     `json:"forced,omitempty"`
	Names        []string `json:"names"`
	MoreNames    int      `json:"more-names,omitempty"`
	Revisions    int      `json:"revisions"`
	ChannelMoves int      `json:"channel-moves"`
	Report       string   `json:"report-sha256"`
}

// removalAct returns the row of a removal.
func removalAct(r *Removal, done *Removed, id int64, report []byte) audit.Act {
	s := removalState{Removal: id, Forced: r.Forced, Report: sumOf(report)}
	s.Revisions, s.ChannelMoves = done.Changes()
	s.Names, s.MoreNames = someNames(done.Names())
	return audit.Act{What: r.Reason, Subject: strings.Join(s.Names, ", "), Before: s}
}

// rollbackState describes a rollback in the audit trail. Report is the SHA-256 of its report.
type rollbackState struct {
	Rollback     int64    `json:"rollback"`
	Imports      []int64  `json:"imports"`
	MoreImports  int      `json:"more-imports,omitempty"`
	Names        []string `json:"names"`
	MoreNames    int      `json:"more-names,omitempty"`
	ChannelMoves int      `json:"channel-moves"`
	Report       string   `json:"report-sha256"`
}

// someNames returns the names once each, sorted and in a limited number, and the number of the others.
func someNames(names []string) (list []string, more int) {
	list = slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == "" })
	slices.Sort(list)
	list = slices.Compact(list)
	if more = len(list) - maxActNames; more > 0 {
		return list[:maxActNames], more
	}
	return list, 0
}

func sumOf(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
