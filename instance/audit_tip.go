package instance

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"time"

	"offlinestore/audit"
	"offlinestore/blob"
	"offlinestore/catalog"
)

// tipFile has the last row that was signed, so that a database which was set back is noticed.
const tipFile = "audit.tip"

// maxTip bounds that file.
const maxTip = 4 << 10

// tipState names the last row of a trail.
type tipState struct {
	audit.LostTip
	// Loss is the ID of the row that tells of the loss of this one. It is here before the row is in the database, so that nobody who has only
	// the database can know it, and put another row in its place.
	Loss string `json:"loss,omitempty"`
}

func (s tipState) tip() audit.Tip { return audit.Tip{Number: s.Rows, Hash: s.Hash} }

// lastTip returns the last row that was signed. It is the zero value if nobody knows.
func (d Dir) lastTip() (s tipState) {
	text, err := blob.ReadFile(d.path(tipFile), maxTip)
	if err != nil || json.Unmarshal(text, &s) != nil || s.Rows < 1 || len(s.Hash) != len(audit.Genesis) {
		return tipState{}
	}
	return s
}

// keepTip replaces the last row that was signed, unless another process has done so since before was read.
func (d Dir) keepTip(ctx context.Context, before, after tipState) error {
	if before == after {
		return nil
	}
	text, err := json.Marshal(after)
	if err != nil {
		return err
	}
	unlock, err := d.lockWaiting(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if d.lastTip() != before {
		return nil
	}
	return blob.WriteFile(d.path(tipFile), text, blob.WriteOptions{Mode: 0o600})
}

// errTipChanged reports that another process signs at the same time.
var errTipChanged = errors.New("another process signs the audit trail")

// errLossMissing reports a database that takes a row and does not have it.
var errLossMissing = errors.New("the database does not keep the row about lost rows")

// LastSigned returns the last row that this store has signed. It is the zero Tip if nobody knows.
func (d Dir) LastSigned() audit.Tip { return d.lastTip().tip() }

// compareTip records that the trail has lost rows, if the database was set back. It returns the last row that was signed before, whose file
// stays until the row about the loss is there, and signed.
func (d Dir) compareTip(ctx context.Context, t catalog.Trail) (last tipState, err error) {
	if last = d.lastTip(); last.Rows == 0 {
		return last, nil
	}
	hash, err := t.Hash(ctx, last.Rows)
	if err != nil || hash == last.Hash && last.Loss == "" {
		return last, err
	}
	if last.Loss == "" {
		lost := last
		lost.Loss = rand.Text()
		if err := d.keepTip(ctx, last, lost); err != nil {
			return last, err
		}
		if last = d.lastTip(); last.Rows != lost.Rows || last.Hash != lost.Hash || last.Loss == "" {
			return last, errTipChanged
		}
	}
	now, err := t.Tip(ctx)
	if err != nil {
		return last, err
	}
	act := audit.Act{What: "lose-rows", Subject: "audit trail", Before: last.LostTip, After: audit.LostTip{Rows: now.Number, Hash: now.Hash}}
	if err := t.Add(ctx, []audit.Event{{Actor: HostActor(), Act: act, At: time.Now(), ID: last.Loss}}); err != nil {
		return last, err
	}
	has, err := t.Has(ctx, last.Loss)
	if err == nil && !has {
		err = errLossMissing
	}
	return last, err
}
