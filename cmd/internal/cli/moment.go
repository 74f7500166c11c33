package cli

import (
	"fmt"
	"time"
)

// Moment is a flag with a time: a date, a time of RFC 3339, or how long ago it was.
type Moment struct{ time.Time }

// String implements [pflag.Value].
func (m *Moment) String() string {
	if m.IsZero() {
		return ""
	}
	return m.Format(time.RFC3339)
}

// Type implements [pflag.Value].
func (m *Moment) Type() string { return "time" }

// Set implements [pflag.Value].
func (m *Moment) Set(s string) (err error) {
	var ago Duration
	if ago.Set(s) == nil {
		m.Time = time.Now().Add(-time.Duration(ago))
		return nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if m.Time, err = time.Parse(layout, s); err == nil {
			return nil
		}
	}
	return fmt.Errorf("%.40q: want a duration like 36h or 30d, a date like 2026-11-29, or a time like 2026-11-29T19:00:00Z", s)
}
