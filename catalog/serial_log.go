package catalog

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// SerialLogEntry is a serial assertion that was signed.
type SerialLogEntry struct {
	// ID grows with each entry. The database gives it.
	ID                     int64
	BrandID, Model, Serial string
	Revision               int
	// DeviceKey is the SHA3-384 of the device's key, and KeyID the one of the key that signed, by a revision of the model's policy.
	DeviceKey, KeyID string
	Policy           int
	// Origin is the address of the device.
	Origin   string
	SignedAt time.Time
	// Request and Assertion are the texts of the serial-request and of the serial.
	Request, Assertion string
}

// SerialLogQuery selects entries of the log of a model.
type SerialLogQuery struct {
	BrandID, Model string
	// Serial selects the entries of one device, if it is not empty.
	Serial string
	// Start and End bound the time of the entries, if they are not zero. Entries at End are not selected.
	Start, End time.Time
	// Before selects entries with a smaller ID, if it is not zero. It is the ID of the last entry of the page before.
	Before int64
	// Limit bounds the number of entries.
	Limit int
	// Bare leaves out the texts of the assertions, which may be large.
	Bare bool
}

// SerialLog returns entries of the log, the newest first.
func (db *DB) SerialLog(ctx context.Context, q SerialLogQuery) ([]SerialLogEntry, error) {
	const entries = `
		select id, brand_id, model, serial, revision, device_key, key_id, policy, origin, signed_at,
			case when @bare then '' else request end, case when @bare then '' else assertion end
		from serial_log
		where brand_id = @brand and model = @model and (@before = 0 or id < @before)
			and (@start::timestamptz is null or signed_at >= @start) and (@end::timestamptz is null or signed_at < @end)`
	const ofSerial = ` and serial = @serial` // a condition of its own finds the index
	query := entries
	if q.Serial != "" {
		query += ofSerial
	}
	moment := func(t time.Time) *time.Time {
		if t.IsZero() {
			return nil
		}
		return &t
	}
	rows, err := db.pool.Query(ctx, query+` order by id desc limit @limit`, pgx.NamedArgs{"brand": text(q.BrandID), "model": text(q.Model), "serial": text(q.Serial),
		"before": q.Before, "start": moment(q.Start), "end": moment(q.End), "limit": q.Limit, "bare": q.Bare})
	if err != nil {
		return nil, fmt.Errorf("read the log of serials: %w", interpret(err))
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[SerialLogEntry])
	if err != nil {
		return nil, fmt.Errorf("read the log of serials: %w", interpret(err))
	}
	return list, nil
}
