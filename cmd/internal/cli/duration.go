package cli

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// Duration is a flag with a duration, which may also be in days or weeks.
type Duration time.Duration

// String returns the duration in the form of package time, or "" for none.
func (d *Duration) String() string {
	if *d == 0 {
		return ""
	}
	return time.Duration(*d).String()
}

// Type returns the name of the flag's type.
func (d *Duration) Type() string { return "duration" }

// Set parses a duration.
func (d *Duration) Set(s string) error {
	const day = 24 * time.Hour
	units := map[byte]time.Duration{'d': day, 'w': 7 * day}
	if s != "" && units[s[len(s)-1]] > 0 {
		unit := units[s[len(s)-1]]
		n, err := strconv.ParseInt(s[:len(s)-1], 10, 64)
		if err != nil || n < 0 || n > math.MaxInt64/int64(unit) {
			return fmt.Errorf("%.40q: want a duration like 36h, 30d or 8w", s)
		}
		*d = Duration(time.Duration(n) * unit)
		return nil
	}
	v, err := time.ParseDuration(s)
	if err != nil || v < 0 {
		return fmt.Errorf("%.40q: want a duration like 36h, 30d or 8w", s)
	}
	*d = Duration(v)
	return nil
}
