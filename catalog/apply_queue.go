package catalog

import (
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// The statements that keep the imports of a transaction apart.
const (
	savepoint = `savepoint import`
	rollback  = `rollback to savepoint import`
	release   = `release savepoint import`
)

const (
	// queueLimit bounds the statements that wait to be sent.
	queueLimit = 1024
	// fewRows is the number of rows from which copying them is worth round trips of its own.
	fewRows = 32
)

// flush sends the queued statements in one round trip, and returns their first error.
func (a *applier) flush() error {
	if a.queue.Len() == 0 {
		return nil
	}
	b := a.queue
	a.queue, a.begun = pgx.Batch{}, true
	return a.tx.SendBatch(a.ctx, &b).Close()
}

// rollback undoes the statements of the import.
func (a *applier) rollback() error {
	if !a.begun {
		return nil
	}
	_, err := a.tx.Exec(a.ctx, rollback+"; "+release) // an aborted transaction would refuse to prepare the second statement
	return err
}

// write queues statements that change something.
func (a *applier) write(b *pgx.Batch) error {
	a.changed = a.changed || b.Len() > 0
	a.queue.QueuedQueries = append(a.queue.QueuedQueries, b.QueuedQueries...)
	if a.queue.Len() < queueLimit {
		return nil
	}
	return a.flush()
}

// settle sends statements whose results the import needs at once.
func (a *applier) settle(b *pgx.Batch) error {
	if b.Len() == 0 {
		return nil
	}
	a.queue.QueuedQueries = append(a.queue.QueuedQueries, b.QueuedQueries...)
	return a.flush()
}

// insert adds rows, all of which must be new.
func (a *applier) insert(table string, columns []string, rows [][]any) error {
	if len(rows) > fewRows {
		if err := a.flush(); err != nil {
			return err
		}
		a.changed = true
		_, err := a.tx.CopyFrom(a.ctx, pgx.Identifier{table}, columns, pgx.CopyFromRows(rows))
		return err
	}
	values := make([]string, len(columns))
	for i := range columns {
		values[i] = fmt.Sprint("$", i+1)
	}
	q := fmt.Sprintf(`insert into %s (%s) values (%s)`, table, strings.Join(columns, ", "), strings.Join(values, ", "))
	b := &pgx.Batch{}
	for _, row := range rows {
		b.Queue(q, row...)
	}
	return a.write(b)
}

// read queues a query about ids, unless there are none, with more arguments. The next flush calls row after each row was scanned into dest.
func (a *applier) read(q string, ids []string, dest []any, row func() error, more ...any) {
	if len(ids) > 0 {
		a.queueRead(q, append([]any{ids}, more...), dest, row)
	}
}

func (a *applier) queueRead(q string, args, dest []any, row func() error) {
	a.queue.Queue(q, args...).Query(func(rows pgx.Rows) error {
		_, err := pgx.ForEachRow(rows, dest, row)
		return err
	})
}
