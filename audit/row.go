// Package audit keeps the audit trail of a store: a row for each act, with the hash of the row before it. The store signs the
// newest hash from time to time, so that an exported file and the public key are enough to find rows that were removed, altered or inserted. docs/audit.md has the format.
package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// MaxRow bounds the canonical JSON of a row, in bytes.
const MaxRow = 64 << 10

// The bounds of the parts of a row, so that each row is below MaxRow.
const (
	maxState = 16 << 10 // of Before and of After, in bytes
	maxWord  = 1 << 10  // of each text, in characters
)

// Genesis is the Previous of the first row.
const Genesis = "0000000000000000000000000000000000000000000000000000000000000000"

// timeLayout is the form of all times in the trail.
const timeLayout = "2006-01-02T15:04:05.000000Z"

// Act is something that was done. Before and After are the states of the subject. They become JSON, and must hold no secrets. A nil one is
// left out.
type Act struct {
	// Subject names the thing, and What the kind of act, such as "remove-admin".
	What, Subject string
	Before, After any
}

// Event is an act with its actor and its time.
type Event struct {
	Actor
	Act
	At time.Time
	// ID is empty, or names an event that waited for the database, so that it gets one row.
	ID string
}

// Row is one row of the trail.
type Row struct {
	Number   int64           `json:"number"`
	At       Time            `json:"at"`
	Who      string          `json:"who"`
	From     string          `json:"from"`
	What     string          `json:"what"`
	Subject  string          `json:"subject"`
	Before   json.RawMessage `json:"before,omitempty"`
	After    json.RawMessage `json:"after,omitempty"`
	ID       string          `json:"id,omitempty"`
	Previous string          `json:"previous"`
}

// Time is a moment, which JSON has in UTC with six digits of a second.
type Time time.Time

// String returns the time in the form of JSON.
func (t Time) String() string { return time.Time(t).UTC().Format(timeLayout) }

// MarshalText implements [encoding.TextMarshaler].
func (t Time) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler]. It accepts the one form that MarshalText writes.
func (t *Time) UnmarshalText(text []byte) error {
	v, err := time.Parse(timeLayout, string(text))
	if err != nil || v.Format(timeLayout) != string(text) {
		return fmt.Errorf("the time %.40q: want the form %s", text, timeLayout)
	}
	*t = Time(v)
	return nil
}

// Tip is the last row of a trail, or of a part of one. The zero Tip stands before the first row.
type Tip struct {
	Number int64
	Hash   string
}

// Entry is a row in its canonical form, with its number and its hash.
type Entry struct {
	Tip
	At      time.Time
	ID      string
	Content []byte
}

// Next returns the entry that follows the tip, and makes it the tip.
func (t *Tip) Next(e Event) (Entry, error) {
	before, err := encodeState(e.Before)
	if err != nil {
		return Entry{}, fmt.Errorf("audit trail: %s: before: %w", e.What, err)
	}
	after, err := encodeState(e.After)
	if err != nil {
		return Entry{}, fmt.Errorf("audit trail: %s: after: %w", e.What, err)
	}
	at := e.At.UTC().Truncate(time.Microsecond)
	previous := t.Hash
	if t.Number == 0 {
		previous = Genesis
	}
	content, err := canonical(Row{
		Number: t.Number + 1, At: Time(at), Who: word(e.Who), From: word(e.From), What: word(e.What), Subject: word(e.Subject),
		Before: before, After: after, ID: e.ID, Previous: previous,
	})
	if err != nil {
		return Entry{}, fmt.Errorf("audit trail: %s: %w", e.What, err)
	}
	*t = Tip{t.Number + 1, hashOf(content)}
	return Entry{*t, at, e.ID, content}, nil
}

// Events returns the events of acts that are done now.
func Events(a Actor, acts ...Act) []Event {
	events := make([]Event, len(acts))
	now := time.Now()
	for i, act := range acts {
		events[i] = Event{Actor: a, Act: act, At: now}
	}
	return events
}

// Decode returns the row of an entry.
func (e Entry) Decode() (*Row, error) { return decodeRow(e.Content) }

// encodeState returns the canonical JSON of v, or its size and digest if it is too large.
func encodeState(v any) (json.RawMessage, error) {
	if v == nil {
		return nil, nil
	}
	text, err := canonical(v)
	if err != nil || len(text) <= maxState {
		return text, err
	}
	return canonical(map[string]any{"omitted": map[string]any{"bytes": len(text), "sha256": hashOf(text)}})
}

// word bounds a text.
func word(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	n := 0
	for i := range s {
		if n++; n > maxWord {
			return s[:i] + "…"
		}
	}
	return s
}

func hashOf(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}
