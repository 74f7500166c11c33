package catalog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
)

// ErrUnavailable reports that the database can't be reached or that the connection broke. Every error about this wraps it.
var ErrUnavailable = errors.New("the database is not available")

// ErrBusy reports that an import is running and gc has to wait, or that gc is running and an import has to wait.
var ErrBusy = errors.New("another command is changing the store")

// ErrRights reports that the database's role lacks a right that the catalogue needs.
var ErrRights = errors.New("the database role lacks a right")

// ErrTooNew reports tables that a newer snap-store-proxy has changed.
var ErrTooNew = errors.New("the tables are a newer snap-store-proxy's")

// ErrNoTables reports a database in which no catalogue was made yet.
var ErrNoTables = errors.New("the database has no tables of a store yet")

var errNoRevision = errors.New("neither the bundle nor the store has it")

// ConflictError reports a bundle that contradicts the catalogue in a fixed property.
type ConflictError struct{ What, Have, New string }

// Error returns a text that names both sides.
func (e *ConflictError) Error() string {
	return fmt.Sprintf("%s: the store has %s for it, the bundle brings %s", e.What, e.Have, e.New)
}

// interpret marks the errors of pgx that callers care about.
func interpret(err error) error {
	switch {
	case err == nil || errors.Is(err, context.Canceled):
		return err
	case isCode(err, "53100"): // disk_full
		return fmt.Errorf("the database: %w: %w", syscall.ENOSPC, err)
	case isCode(err, "42501"): // insufficient_privilege
		return fmt.Errorf("%w: %w", ErrRights, err)
	case unavailable(err):
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return err
}

func unavailable(err error) bool {
	var connectErr *pgconn.ConnectError
	var pgErr *pgconn.PgError
	var netErr net.Error
	switch {
	case errors.As(err, &connectErr):
		return true
	case errors.As(err, &pgErr):
		// Class 08 is about connections, 57P about the server's start and stop, 53300 about too many connections.
		c := pgErr.Code
		return len(c) == 5 && (c[:2] == "08" || c[:3] == "57P" || c == "53300")
	case errors.As(err, &netErr), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return true
	}
	return pgconn.SafeToRetry(err) // nothing was sent: the connection is closed
}

func isCode(err error, code string) bool {
	var pgErr *pgconn.PgError
	return errors.As(err, &pgErr) && pgErr.Code == code
}
