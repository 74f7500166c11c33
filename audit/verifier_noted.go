package audit

import (
	"encoding/json"
	"slices"
)

// The acts that tell of rows which the trail does not have.
const (
	// LoseRows tells that the database was set back. Its states are a [LostTip].
	LoseRows = "lose-rows"
	// LoseActs tells that acts which waited for the database were damaged.
	LoseActs = "lose-acts"
)

// LostTip names the last row of a trail, before or after rows were lost.
type LostTip struct {
	Rows int64  `json:"rows"`
	Hash string `json:"hash"`
}

// compareRest compares the noted hashes that no row was compared with.
func (v *Verifier) compareRest() {
	if v.previous.Number > 0 {
		v.compare(v.previous.Number, v.previous.Hash)
	}
	for n := range v.noted {
		if n > v.place.number {
			v.about(Removed, n, "its hash was noted, and the trail ends before it")
			continue
		}
		v.about(NotCompared, n, "its hash was noted, and the file does not have the row")
	}
}

// readLoss warns of rows that the trail itself calls lost. A trail that has them, or that ended elsewhere, contradicts its row.
func (v *Verifier) readLoss(row *Row) {
	switch row.What {
	case LoseActs:
		v.warn(row, "damaged acts never got their rows: %s", row.Before)
	case LoseRows:
		var before, after LostTip
		if json.Unmarshal(row.Before, &before) != nil || json.Unmarshal(row.After, &after) != nil {
			v.about(Contradicted, row.Number, "it does not tell which rows were lost")
			return
		}
		next := v.place.number + 1
		if after.Rows >= row.Number || row.Number == next && after.Rows == next-1 && after.Rows > 0 && !slices.Contains(v.place.hashes, after.Hash) ||
			row.Number == next && before.Rows == next-1 && slices.Contains(v.place.hashes, before.Hash) {
			v.about(Contradicted, row.Number, "it tells of lost rows, and the rows before it are others")
			return
		}
		v.warn(row, "the database was set back, and has lost rows up to row %d with the hash %s", before.Rows, before.Hash)
	}
}
