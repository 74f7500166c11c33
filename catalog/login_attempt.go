package catalog

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Attempts bound the rate of attempts to log in, on all servers together: some at once, and then one in each pause.
type Attempts struct {
	// Kind tells apart rates of different things.
	Kind  string
	Burst int
	Pause time.Duration
}

// CountAttempt counts an attempt in a bucket at a time, or returns the time to wait before the next. There are as many rows as buckets, at most.
func (db *DB) CountAttempt(ctx context.Context, a Attempts, bucket int, now time.Time) (wait time.Duration, err error) {
	// The time at which all attempts are forgotten moves on by a pause with each of them. This is the generic cell rate algorithm (ITU-T I.371).
	const (
		count = `
			insert into login_attempt (kind, bucket, until) values ($1, $2, $3::timestamptz + $4::interval)
			on conflict (kind, bucket) do update set until = greatest(login_attempt.until, $3::timestamptz) + $4::interval
			where greatest(login_attempt.until, $3::timestamptz) + $4::interval <= $3::timestamptz + $5::interval
			returning true`
		look = `select until from login_attempt where kind = $1 and bucket = $2`
	)
	all := time.Duration(a.Burst) * a.Pause
	err = pgx.BeginFunc(ctx, db.pool, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, count, a.Kind, bucket, now, a.Pause, all)
		if err != nil || tag.RowsAffected() > 0 {
			return err
		}
		var until time.Time
		if err := tx.QueryRow(ctx, look, a.Kind, bucket).Scan(&until); err != nil {
			return err
		}
		wait = max(until.Add(a.Pause).Sub(now)-all, time.Millisecond)
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("count an attempt to log in: %w", interpret(err))
	}
	return wait, nil
}
