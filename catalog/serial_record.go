package catalog

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"offlinestore/audit"
)

// SerialRecord is a serial that was signed, as the answer to a request that TakeSerialRequest has taken.
type SerialRecord struct {
	Request SerialRequestID
	Entry   SerialLogEntry
	// FromModel and FromSerial are the ones of a device that becomes another model, otherwise empty.
	FromModel, FromSerial string
	// Delivered is set if the device waits for the answer, and was not told to poll for it. Then the answer is not given out again.
	Delivered bool
}

// recordSerial records a serial and its assertion, and answers the request with it, or it changes nothing. The request must still wait, the
// policy must be the active one with its key, the allow-list must have a device that becomes another model, and the serial must be new, or the device's own with the revision before.
const recordSerial = `
	with waiting as (
		select id from serial_request where id = $1 and request = $2 and state = 'taken' for update
	), active as (
		select from (
			select revision, key_id from serial_policy where brand_id = $4 and model = $5 order by revision desc limit 1
		) newest where revision = $10 and key_id = $9
			and ($14 = '' or exists (select from remodel where brand_id = $4 and from_model = $14 and to_model = $5 and from_serial in ('', $15)))
	), held as (
		insert into serial (brand_id, model, serial, device_key, revision)
		select $4, $5, $6, $8, $7 from waiting, active
		where not exists (select from serial where brand_id = $4 and model = $5 and device_key = $8 and serial <> $6)
		on conflict (brand_id, model, serial) do update set revision = excluded.revision
			where serial.device_key = excluded.device_key and serial.revision = excluded.revision - 1
		returning brand_id
	), logged as (
		insert into serial_log (brand_id, model, serial, revision, device_key, key_id, policy, origin, request, assertion)
		select brand_id, $5, $6, $7, $8, $9, $10, $11, $12, $13 from held
		returning id
	)
	update serial_request r set state = $3, log_id = logged.id, changed_at = now() from logged where r.id = $1`

// serialState describes a serial in the audit trail. Assertion is the SHA-256 of its text.
type serialState struct {
	Revision  int    `json:"revision"`
	DeviceKey string `json:"device-key-sha3-384"`
	Key       string `json:"signing-key-sha3-384"`
	Policy    int    `json:"policy"`
	Assertion string `json:"assertion-sha256"`
}

// event returns the row of the audit trail.
func (s *SerialRecord) event() audit.Event {
	e := &s.Entry
	return audit.Events(audit.Actor{Who: "device", From: e.Origin}, audit.Act{
		What: "issue-serial", Subject: e.BrandID + "/" + e.Model + "/" + e.Serial,
		After: serialState{e.Revision, e.DeviceKey, e.KeyID, e.Policy, sumOf([]byte(e.Assertion))},
	})[0]
}

// RecordSerials records serials that were signed, before anybody sees them, and reports which of them were recorded. The others are not, because
// the plan for them does not hold any more. The error is ErrSerialConflict if they can be recorded one by one only.
func (r *Reader) RecordSerials(ctx context.Context, list []SerialRecord) (recorded []bool, err error) {
	err = pgx.BeginTxFunc(ctx, r.pool, pgx.TxOptions{AccessMode: pgx.ReadWrite}, func(tx pgx.Tx) error {
		recorded = make([]bool, len(list))
		var b pgx.Batch
		for i := range list {
			list[i].queue(&b, &recorded[i])
		}
		if err := tx.SendBatch(ctx, &b).Close(); err != nil {
			return err
		}
		var events []audit.Event
		for i := range list {
			if recorded[i] {
				events = append(events, list[i].event())
			}
		}
		return appendEvents(ctx, tx, events)
	})
	if isCode(err, "23505") || isCode(err, "40P01") { // unique_violation, deadlock_detected
		err = ErrSerialConflict
	}
	if err != nil {
		return nil, fmt.Errorf("record serials: %w", interpret(err))
	}
	return recorded, nil
}

// RepeatSerial answers a request with the log entry of a plan's Recent. It returns nothing if the request does not wait any more.
func (r *Reader) RepeatSerial(ctx context.Context, id SerialRequestID, recent int64, delivered bool) (text string, err error) {
	const q = `
		with answered as (
			update serial_request set state = $3, log_id = $4, changed_at = now() where id = $1 and request = $2 and state = 'taken' returning log_id
		)
		select assertion from serial_log, answered where id = log_id`
	state := requestSigned
	if delivered {
		state = requestDelivered
	}
	err = pgx.BeginTxFunc(ctx, r.pool, pgx.TxOptions{AccessMode: pgx.ReadWrite}, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, q, id.ID, id.Sum[:], state, recent).Scan(&text)
		if errors.Is(err, pgx.ErrNoRows) {
			err = nil
		}
		return err
	})
	if err != nil {
		return "", fmt.Errorf("repeat a serial: %w", interpret(err))
	}
	return text, nil
}

// queue queues the statement of a record.
func (s *SerialRecord) queue(b *pgx.Batch, recorded *bool) {
	state, e := requestSigned, &s.Entry
	if s.Delivered {
		state = requestDelivered
	}
	b.Queue(recordSerial, s.Request.ID, s.Request.Sum[:], state, e.BrandID, e.Model, e.Serial, e.Revision, e.DeviceKey, e.KeyID, e.Policy, e.Origin,
		e.Request, e.Assertion, s.FromModel, s.FromSerial).Exec(func(tag pgconn.CommandTag) error {
		*recorded = tag.RowsAffected() == 1
		return nil
	})
}
