package catalog

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// ErrSerialConflict reports a serial that can't be recorded, because the request, the policy or the serial has changed since PlanSerial.
var ErrSerialConflict = errors.New("the serial has changed meanwhile")

// ModelPolicy is a device model as requests for serials need it.
type ModelPolicy struct {
	BrandID, Model string
	// APIKey is empty if devices need none.
	APIKey string
	// Revision is the revision of the active policy, KeyID its signing key, and AuthorityID the account in whose name the key signs. They are
	// zero if the model has no policy.
	Revision           int
	KeyID, AuthorityID string
}

// modelPolicies reads the device models, sorted by brand and name.
func (l *loader) modelPolicies() error {
	const q = `
		select m.brand_id, m.name, m.api_key, coalesce(p.revision, 0), coalesce(p.key_id, ''), coalesce(p.authority_id, '')
		from device_model m left join lateral (
			select revision, key_id, authority_id from serial_policy where brand_id = m.brand_id and model = m.name order by revision desc limit 1
		) p on true
		order by m.brand_id collate "C", m.name collate "C"`
	var m ModelPolicy
	return l.each(q, []any{&m.BrandID, &m.Model, &m.APIKey, &m.Revision, &m.KeyID, &m.AuthorityID}, func() error {
		l.c.DeviceModels = append(l.c.DeviceModels, m)
		return nil
	})
}

// SerialWish describes the serial that a device asks for.
type SerialWish struct {
	BrandID, Model string
	// DeviceKey is the SHA3-384 of the device's key.
	DeviceKey string
	// Names are the serials that the device would like to have, the best first.
	Names []string
	// FromModel and FromSerial are the ones of a device that becomes another model, otherwise empty.
	FromModel, FromSerial string
}

// SerialPlan is the serial that a device may get.
type SerialPlan struct {
	// Serial is the one that the device's key has already, otherwise the first free one of the wish. It is empty if there is neither.
	Serial string
	// Revision is the revision of the next assertion of the serial.
	Revision int
	// Policy is the revision of the active policy of the model, or zero if there is none.
	Policy int
	// MayRemodel reports whether the allow-list has the device.
	MayRemodel bool
	// Waits reports whether the request was recorded and not answered.
	Waits bool
}

// PlanSerial returns the serial that a device may get for a request. It reserves nothing: RecordSerial finds out whether another device was
// faster.
func (r *Reader) PlanSerial(ctx context.Context, id SerialRequestID, w SerialWish) (p SerialPlan, err error) {
	if err := p.query(id, w)(func(q string, args ...any) error {
		return r.pool.QueryRow(ctx, q, args...).Scan(p.columns()...)
	}); err != nil {
		return SerialPlan{}, fmt.Errorf("plan a serial: %w", interpret(err))
	}
	return p, nil
}

// query calls ask with the query of a plan.
func (p *SerialPlan) query(id SerialRequestID, w SerialWish) func(ask func(q string, args ...any) error) error {
	const q = `
		select
			coalesce(s.serial, (
				select name from unnest($4::text[]) with ordinality as wish(name, place)
				where not exists (select from serial where brand_id = $1 and model = $2 and serial = name)
				order by place limit 1), ''),
			coalesce(s.revision + 1, 0),
			coalesce((select max(revision) from serial_policy where brand_id = $1 and model = $2), 0),
			exists (select from remodel where brand_id = $1 and from_model = $5 and to_model = $2 and from_serial in ('', $6)),
			exists (select from serial_request where id = $7 and request = $8 and state = 'taken')
		from (select 1) one left join serial s on s.brand_id = $1 and s.model = $2 and s.device_key = $3`
	return func(ask func(q string, args ...any) error) error {
		return ask(q, w.BrandID, w.Model, w.DeviceKey, w.Names, w.FromModel, w.FromSerial, id.ID, id.Sum[:])
	}
}

func (p *SerialPlan) columns() []any {
	return []any{&p.Serial, &p.Revision, &p.Policy, &p.MayRemodel, &p.Waits}
}

// recordSerial records a serial and its assertion, and answers the request with it, or it changes nothing. The request must still wait, the
// policy must be the active one, and the serial must be new, or the device's own with the revision before.
const recordSerial = `
	with waiting as (
		select id from serial_request where id = $1 and request = $2 and state = 'taken' for update
	), active as (
		select from serial_policy where brand_id = $4 and model = $5 having max(revision) = $10
	), held as (
		insert into serial (brand_id, model, serial, device_key, revision) select $4, $5, $6, $8, $7 from waiting, active
		on conflict (brand_id, model, serial) do update set revision = excluded.revision
			where serial.device_key = excluded.device_key and serial.revision = excluded.revision - 1
		returning brand_id
	), logged as (
		insert into serial_log (brand_id, model, serial, revision, device_key, key_id, policy, origin, request, assertion)
		select brand_id, $5, $6, $7, $8, $9, $10, $11, $12, $13 from held
		returning id
	)
	update serial_request r set state = $3, log_id = logged.id, changed_at = now() from logged where r.id = $1`

// RecordSerial records a serial that was signed, before anybody sees it, as the answer to a request that TakeSerialRequest has taken.
// A delivered answer is not given out again. The error is ErrSerialConflict if the plan for the serial does not hold any more.
func (r *Reader) RecordSerial(ctx context.Context, id SerialRequestID, e SerialLogEntry, delivered bool) error {
	state := requestSigned
	if delivered {
		state = requestDelivered
	}
	recorded := false
	var b pgx.Batch
	b.Queue(`begin read write`)
	b.Queue(recordSerial, id.ID, id.Sum[:], state, e.BrandID, e.Model, e.Serial, e.Revision, e.DeviceKey, e.KeyID, e.Policy, e.Origin,
		e.Request, e.Assertion).Exec(func(tag pgconn.CommandTag) error {
		recorded = tag.RowsAffected() == 1
		return nil
	})
	b.Queue(`commit`)
	err := r.pool.SendBatch(ctx, &b).Close()
	if isCode(err, "23505") || err == nil && !recorded { // unique_violation: the device's key has another serial by now
		err = ErrSerialConflict
	}
	if err != nil {
		return fmt.Errorf("record a serial: %w", interpret(err))
	}
	return nil
}
