package catalog

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

var (
	// ErrRequestUsed reports a request-id that was used: for another request, or for one that was answered at once.
	ErrRequestUsed = errors.New("the request-id was used before")
	// ErrNoRequest reports a request that is not recorded.
	ErrNoRequest = errors.New("no such request for a serial")
)

// The states of a row of serial_request. A request whose device was told to poll is signed until it expires, and each poll gets the answer: it may
// get lost on its way. The answer of another one is delivered when it is recorded.
const (
	requestTaken     = "taken"
	requestSigned    = "signed"
	requestDelivered = "delivered"
)

// RequestLease is the time for which a server keeps a request to itself after TakeSerialRequest or KeepSerialRequests. Then another server
// takes it, because the first one may be gone.
const RequestLease = 20 * time.Second

// maxRequests bounds the rows of serial_request.
const maxRequests = 1 << 20

// SerialRequestID identifies a request for a serial.
type SerialRequestID struct {
	// ID comes from the request-id, and Sum is the digest of the request.
	ID  []byte
	Sum [sha256.Size]byte
}

// TakenRequest is a request that was recorded, or found.
type TakenRequest struct {
	// Assertion is the serial that answers the request. It is empty until the request was answered.
	Assertion string
	// Mine is set if the caller has to sign. Otherwise another server does.
	Mine bool
	// Plan is the plan for the serial of a request that is new.
	Plan SerialPlan
}

// TakeSerialRequest records a request that was verified, and plans its serial. If it was recorded before, TakeSerialRequest returns its
// answer, or its state. The error is ErrRequestUsed if the request-id must not be used again.
func (r *Reader) TakeSerialRequest(ctx context.Context, id SerialRequestID, w SerialWish, expires time.Time) (t TakenRequest, err error) {
	const q = `insert into serial_request (id, request, state, expires_at) values ($1, $2, 'taken', $3) on conflict do nothing`
	if r.fullRequests.Load() {
		return t, fmt.Errorf("record a request for a serial: %w", ErrFull)
	}
	var b pgx.Batch
	b.Queue(`begin read write`)
	b.Queue(`set local synchronous_commit = off`) // RecordSerials waits for the disk
	b.Queue(q, id.ID, id.Sum[:], expires).Exec(func(tag pgconn.CommandTag) error {
		t.Mine = tag.RowsAffected() == 1
		return nil
	})
	err = t.Plan.query(id, w)(func(q string, args ...any) error {
		b.Queue(q, args...).QueryRow(func(row pgx.Row) error { return row.Scan(t.Plan.columns()...) })
		return nil
	})
	b.Queue(`commit`)
	if err == nil {
		err = r.pool.SendBatch(ctx, &b).Close()
	}
	if err != nil {
		return TakenRequest{}, fmt.Errorf("record a request for a serial: %w", interpret(err))
	}
	if t.Mine {
		return t, nil
	}
	return r.PollSerialRequest(ctx, id, true)
}

// PollSerialRequest returns the state of a request that was recorded, and its answer. With take, it takes a request whose server may be gone.
// The error is ErrNoRequest if the request was not recorded, or ErrRequestUsed.
func (r *Reader) PollSerialRequest(ctx context.Context, id SerialRequestID, take bool) (t TakenRequest, err error) {
	err = pgx.BeginTxFunc(ctx, r.pool, pgx.TxOptions{AccessMode: pgx.ReadWrite}, func(tx pgx.Tx) (err error) {
		t, err = pollRequest(ctx, tx, id, take)
		return err
	})
	if err != nil {
		return TakenRequest{}, fmt.Errorf("look for a request for a serial: %w", interpret(err))
	}
	return t, nil
}

func pollRequest(ctx context.Context, tx pgx.Tx, id SerialRequestID, mayTake bool) (t TakenRequest, err error) {
	const (
		read = `
			select request, state, coalesce(log_id, 0), changed_at < clock_timestamp() - $2::interval
			from serial_request where id = $1 for update`
		answer = `select assertion from serial_log where id = $1`
		take   = `update serial_request set changed_at = now(), expires_at = greatest(expires_at, now() + interval '1 hour') where id = $1`
	)
	var sum []byte
	var state string
	var log int64
	var abandoned bool
	err = tx.QueryRow(ctx, read, id.ID, RequestLease).Scan(&sum, &state, &log, &abandoned)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return t, ErrNoRequest
	case err != nil:
		return t, err
	case string(sum) != string(id.Sum[:]) || state == requestDelivered:
		return t, ErrRequestUsed
	case state == requestSigned:
		return t, tx.QueryRow(ctx, answer, log).Scan(&t.Assertion)
	}
	if t.Mine = abandoned && mayTake; t.Mine {
		_, err = tx.Exec(ctx, take, id.ID)
	}
	return t, err
}

// KeepSerialRequests keeps the requests that this server signs from other servers, until the time expires. It does not wait for requests that
// are being answered.
func (r *Reader) KeepSerialRequests(ctx context.Context, ids [][]byte, expires time.Time) error {
	const q = `
		update serial_request set changed_at = now(), expires_at = $2 where id in (
			select id from serial_request where id = any($1) and state = 'taken' order by id for update skip locked)`
	err := pgx.BeginTxFunc(ctx, r.pool, pgx.TxOptions{AccessMode: pgx.ReadWrite}, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, q, ids, expires)
		return err
	})
	if err != nil {
		return fmt.Errorf("keep requests for serials: %w", interpret(err))
	}
	return nil
}

// DropSerialRequest forgets a request that could not be answered. The device may send it again.
func (r *Reader) DropSerialRequest(ctx context.Context, id SerialRequestID) error {
	err := pgx.BeginTxFunc(ctx, r.pool, pgx.TxOptions{AccessMode: pgx.ReadWrite}, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `delete from serial_request where id = $1 and request = $2 and state = 'taken'`, id.ID, id.Sum[:])
		return err
	})
	if err != nil {
		return fmt.Errorf("forget a request for a serial: %w", interpret(err))
	}
	return nil
}

// ForgetSerialRequests removes the requests that expired before a time. Until it is called again, none is recorded if too many are left.
func (r *Reader) ForgetSerialRequests(ctx context.Context, before time.Time) error {
	var left int
	err := pgx.BeginTxFunc(ctx, r.pool, pgx.TxOptions{AccessMode: pgx.ReadWrite}, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `delete from serial_request where expires_at < $1`, before); err != nil {
			return err
		}
		return tx.QueryRow(ctx, `select count(*) from serial_request`).Scan(&left)
	})
	if err != nil {
		return fmt.Errorf("forget expired requests for serials: %w", interpret(err))
	}
	r.fullRequests.Store(left >= maxRequests)
	return nil
}
