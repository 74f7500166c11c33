package instance

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"offlinestore/audit"
	"offlinestore/blob"
	"offlinestore/catalog"
)

// waitingFile has the acts that wait for the database: changes of files, which may also happen while there is no database. A line is on the
// disk before its change.
const waitingFile = "audit.waiting"

// The bounds of the file. A backup must be able to hold it.
const (
	maxWaiting = 2 << 20
	maxLine    = 128 << 10
)

// waitingTimeout bounds the wait for another process that changes something.
const waitingTimeout = time.Minute

// ErrManyWaiting means that so many acts wait for the database that there is no room for more.
var ErrManyWaiting = errors.New("too many acts wait for the audit trail")

// waiting is a line of the file. The last line with an ID counts.
type waiting struct {
	ID      string          `json:"id"`
	State   string          `json:"state"`
	At      audit.Time      `json:"at"`
	Who     string          `json:"who"`
	From    string          `json:"from"`
	What    string          `json:"what"`
	Subject string          `json:"subject"`
	Before  json.RawMessage `json:"before,omitempty"`
	After   json.RawMessage `json:"after,omitempty"`
}

// The states of an act: begun is on the disk before the change.
const (
	actBegun  = "begun"
	actDone   = "done"
	actFailed = "failed"
)

// record makes a change of files with its row in the audit trail. The change may complete the act.
func (d Dir) record(act *audit.Act, change func() error) error {
	unlock, err := d.lockWaiting(context.Background())
	if err != nil {
		return err
	}
	defer unlock() // the end of the process would do it, too
	f, err := os.OpenFile(d.path(waitingFile), os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("audit trail: %w", err)
	}
	defer f.Close()
	if err := endLine(f); err != nil {
		return fmt.Errorf("audit trail: %w", err)
	}
	if err := blob.SyncDir(string(d)); err != nil { // the file may be new
		return fmt.Errorf("audit trail: %w", err)
	}
	id := rand.Text()
	if err := addWaiting(f, id, actBegun, act); err != nil {
		return fmt.Errorf("audit trail: %w", err)
	}
	state := actDone
	if err = change(); err != nil {
		state = actFailed
	}
	if werr := addWaiting(f, id, state, act); werr != nil {
		return errors.Join(err, fmt.Errorf("audit trail: %w", werr))
	}
	return err
}

// endLine ends a half line of a process that was killed, or of a host without power, so that the next act has its own.
func endLine(f *os.File) error {
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return err
	}
	last := make([]byte, 1)
	if _, err := f.ReadAt(last, info.Size()-1); err != nil || last[0] == '\n' {
		return err
	}
	_, err = f.WriteString(halfLine)
	return err
}

// halfLine ends a line that was never whole, and so was no change. A reader passes over the line.
const halfLine = "\x00\n"

// note adds an act that is its own change.
func (d Dir) note(act *audit.Act) error { return d.record(act, func() error { return nil }) }

func (d Dir) lockWaiting(ctx context.Context) (unlock func() error, err error) {
	ctx, cancel := context.WithTimeout(ctx, waitingTimeout)
	defer cancel()
	return blob.Lock(ctx, d.path(waitingFile+".lock"))
}

// addWaiting adds a line, durably. A half line of a full disk is cut off again.
func addWaiting(f *os.File, id, state string, act *audit.Act) error {
	before, err1 := stateOf(act.Before)
	after, err2 := stateOf(act.After)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	who := HostActor()
	line, err := json.Marshal(waiting{id, state, audit.Time(time.Now()), who.Who, who.From, act.What, act.Subject, before, after})
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if len(line) > maxLine || info.Size()+int64(len(line)) > maxWaiting && state == actBegun {
		return ErrManyWaiting
	}
	if _, err = f.Write(append(line, '\n')); err == nil {
		err = f.Sync()
	}
	if err != nil {
		return errors.Join(err, f.Truncate(info.Size()))
	}
	return nil
}

func stateOf(v any) (json.RawMessage, error) {
	if v == nil {
		return nil, nil
	}
	return json.Marshal(v)
}

// TakeWaiting moves the waiting acts into the audit trail.
func (d Dir) TakeWaiting(ctx context.Context, t catalog.Trail) error {
	text, err := d.readWaiting(ctx)
	if err != nil || len(text) == 0 {
		return err
	}
	// The database may hang, and must not keep others from repairing the store. An act has an ID, so several processes may add it.
	if err := t.Add(ctx, parseWaiting(text)); err != nil {
		return err
	}
	unlock, err := d.lockWaiting(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	now, err := blob.ReadFile(d.path(waitingFile), maxWaiting+2*maxLine)
	rest, same := bytes.CutPrefix(now, text)
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && !same: // another process took them
		return nil
	case err != nil:
		return err
	case len(rest) == 0:
		return os.Remove(d.path(waitingFile))
	}
	return blob.WriteFile(d.path(waitingFile), rest, blob.WriteOptions{Mode: 0o600})
}

// readWaiting reads the file while no act is between its first and its last line.
func (d Dir) readWaiting(ctx context.Context) ([]byte, error) {
	if !exists(d.path(waitingFile)) {
		return nil, nil
	}
	unlock, err := d.lockWaiting(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	text, err := blob.ReadFile(d.path(waitingFile), maxWaiting+2*maxLine)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return text, err
}

// parseWaiting returns the events of the acts that were done, or that may have been done before their process was killed. Lines that are
// damaged become an event of their own.
func parseWaiting(text []byte) (events []audit.Event) {
	index := make(map[string]int)
	failed := make(map[string]bool)
	var damaged []byte
	lines := 0
	for line := range bytes.Lines(text) {
		var w waiting
		if err := json.Unmarshal(line, &w); err != nil || w.ID == "" {
			if bytes.HasSuffix(line, []byte{'\n'}) && !bytes.HasSuffix(line, []byte(halfLine)) { // a half line was never a change
				damaged = append(damaged, line...)
				lines++
			}
			continue
		}
		i, ok := index[w.ID]
		if !ok {
			i = len(events)
			index[w.ID] = i
			events = append(events, audit.Event{})
		}
		failed[w.ID] = w.State == actFailed
		events[i] = w.event()
	}
	out := events[:0]
	for _, e := range events {
		if !failed[e.ID] {
			out = append(out, e)
		}
	}
	if lines > 0 {
		sum := sha256.Sum256(damaged) // the same lines have one row, also if a process is killed before it removes them
		out = append(out, audit.Event{At: time.Now(), ID: "damaged-" + hex.EncodeToString(sum[:]), Actor: HostActor(),
			Act: audit.Act{What: "lose-acts", Subject: waitingFile, Before: map[string]int{"damaged-lines": lines}}})
	}
	return out
}

func (w *waiting) event() audit.Event {
	e := audit.Event{Actor: audit.Actor{Who: w.Who, From: w.From}, At: time.Time(w.At), ID: w.ID, Act: audit.Act{What: w.What, Subject: w.Subject}}
	if w.Before != nil {
		e.Before = w.Before
	}
	if w.After != nil {
		e.After = w.After
	}
	if w.State == actBegun {
		e.After = map[string]any{"interrupted": true, "planned": e.After}
	}
	return e
}
