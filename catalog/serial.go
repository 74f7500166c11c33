package catalog

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrSerialConflict reports serials that can't be recorded together, because another server has recorded one of the devices.
var ErrSerialConflict = errors.New("another server has recorded a serial of the same device")

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

// RevisionPause is the time between two revisions of a device's serial. A device that asks earlier gets the newest one again, so that it can't
// fill the log.
const RevisionPause = 5 * time.Minute

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
	// KeyID is the signing key of that policy.
	KeyID string
	// Recent is the ID of the log entry of the device's newest revision, if that was signed less than RevisionPause ago by the same key.
	// Otherwise, and for the first serial of a device, it is zero.
	Recent int64
	// MayRemodel reports whether the allow-list has the device.
	MayRemodel bool
	// Waits reports whether the request was recorded and not answered.
	Waits bool
}

// PlanSerial returns the serial that a device may get for a request. It reserves nothing: RecordSerials finds out whether another device was
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
			coalesce(p.revision, 0), coalesce(p.key_id, ''), coalesce(l.id, 0),
			exists (select from remodel where brand_id = $1 and from_model = $5 and to_model = $2 and from_serial in ('', $6)),
			exists (select from serial_request where id = $7 and request = $8 and state = 'taken')
		from (select 1) one left join serial s on s.brand_id = $1 and s.model = $2 and s.device_key = $3
			left join (select revision, key_id from serial_policy where brand_id = $1 and model = $2 order by revision desc limit 1) p on true
			left join serial_log l on s.revision > 0 and l.brand_id = $1 and l.model = $2 and l.serial = s.serial and l.revision = s.revision
				and l.key_id = p.key_id and l.signed_at > clock_timestamp() - $9::interval`
	return func(ask func(q string, args ...any) error) error {
		return ask(q, w.BrandID, w.Model, w.DeviceKey, w.Names, w.FromModel, w.FromSerial, id.ID, id.Sum[:], RevisionPause)
	}
}

func (p *SerialPlan) columns() []any {
	return []any{&p.Serial, &p.Revision, &p.Policy, &p.KeyID, &p.Recent, &p.MayRemodel, &p.Waits}
}
