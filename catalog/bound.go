package catalog

import (
	"context"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// bound ends each statement that the database does not answer in time. A database that hangs keeps its connections open, so nothing
// else would end the wait. It is a tracer, because tracers see each statement and give it its context.
type bound struct {
	read, change time.Duration
}

// of returns the time that a statement may take. Changes may take longer, since the disk decides.
func (b *bound) of(sql string) time.Duration {
	switch word, _, _ := strings.Cut(strings.TrimSpace(sql), " "); strings.ToLower(word) {
	case "select", "begin", "rollback", "set", "show", "listen", "savepoint", "release":
		return b.read
	}
	return b.change
}

type cancelKey struct{}

// within returns a context for a statement, which end ends.
func within(ctx context.Context, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(ctx, d)
	return context.WithValue(ctx, cancelKey{}, cancel)
}

func end(ctx context.Context) {
	if cancel, ok := ctx.Value(cancelKey{}).(context.CancelFunc); ok {
		cancel()
	}
}

// TraceQueryStart implements [pgx.QueryTracer].
func (b *bound) TraceQueryStart(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryStartData) context.Context {
	return within(ctx, b.of(q.SQL))
}

// TraceQueryEnd implements [pgx.QueryTracer].
func (b *bound) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryEndData) { end(ctx) }

// TraceBatchStart implements [pgx.BatchTracer].
func (b *bound) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return within(ctx, b.change)
}

// TraceBatchQuery implements [pgx.BatchTracer].
func (b *bound) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

// TraceBatchEnd implements [pgx.BatchTracer].
func (b *bound) TraceBatchEnd(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchEndData) { end(ctx) }

// TraceCopyFromStart implements [pgx.CopyFromTracer].
func (b *bound) TraceCopyFromStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceCopyFromStartData) context.Context {
	return within(ctx, b.change)
}

// TraceCopyFromEnd implements [pgx.CopyFromTracer].
func (b *bound) TraceCopyFromEnd(ctx context.Context, _ *pgx.Conn, _ pgx.TraceCopyFromEndData) {
	end(ctx)
}
