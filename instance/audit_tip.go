package instance

import (
	"context"
	"encoding/json"
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
	Rows int64  `json:"rows"`
	Hash string `json:"hash"`
}

// lastTip returns the last row that was signed. It is the zero Tip if nobody knows.
func (d Dir) lastTip() (tip audit.Tip) {
	text, err := blob.ReadFile(d.path(tipFile), maxTip)
	var s tipState
	if err != nil || json.Unmarshal(text, &s) != nil || s.Rows < 1 || len(s.Hash) != len(audit.Genesis) {
		return audit.Tip{}
	}
	return audit.Tip{Number: s.Rows, Hash: s.Hash}
}

func (d Dir) keepTip(tip audit.Tip) error {
	if d.lastTip() == tip {
		return nil
	}
	text, err := json.Marshal(tipState{tip.Number, tip.Hash})
	if err != nil {
		return err
	}
	return blob.WriteFile(d.path(tipFile), text, blob.WriteOptions{Mode: 0o600})
}

// compareTip records that the trail has lost rows: the database was set back.
func (d Dir) compareTip(ctx context.Context, t catalog.Trail) error {
	last := d.lastTip()
	if last.Number == 0 {
		return nil
	}
	hash, err := t.Hash(ctx, last.Number)
	if err != nil || hash == last.Hash {
		return err
	}
	now, err := t.Tip(ctx)
	if err != nil {
		return err
	}
	act := audit.Act{What: "lose-rows", Subject: "audit trail", Before: tipState{last.Number, last.Hash}, After: tipState{now.Number, now.Hash}}
	return t.Add(ctx, []audit.Event{{Actor: HostActor(), Act: act, At: time.Now(), ID: "lost-" + last.Hash}})
}
