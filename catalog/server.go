package catalog

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Server is a process that serves the store.
type Server struct {
	// ID is the same for each run of a server on a host.
	ID   string `json:"id"`
	Host string `json:"host"`
	// Version is the one of the program, and Generation the one of the catalogue that it serves.
	Version    string    `json:"version"`
	Generation int64     `json:"generation"`
	Started    time.Time `json:"started-at"`
	// Age is the time since it was heard of, by the clock of the database.
	Age time.Duration `json:"-"`
	// Settings has a keyed digest of each setting that all servers must share.
	Settings map[string]string `json:"-"`
}

const (
	// ServerTimeout is the time after which a server that says nothing is thought dead. Servers speak several times meanwhile.
	ServerTimeout = 30 * time.Second
	// serverMemory is the time for which a server is remembered that ended without a word.
	serverMemory = time.Hour
	// maxServers bounds the list of servers.
	maxServers = 1000
)

// AnnounceServer records that a server lives, and forgets the ones that have been silent for an hour. Like AddWanted, it needs rights for its
// table.
func (r *Reader) AnnounceServer(ctx context.Context, s *Server) error {
	const (
		forget = `delete from server where seen_at < now() - $1::interval`
		put    = `
			insert into server (id, host, version, generation, settings) values ($1, $2, $3, $4, $5)
			on conflict (id) do update set generation = excluded.generation, settings = excluded.settings, seen_at = now()`
	)
	shared, err := json.Marshal(s.Settings)
	if err != nil {
		return err
	}
	err = pgx.BeginTxFunc(ctx, r.pool, pgx.TxOptions{AccessMode: pgx.ReadWrite}, func(tx pgx.Tx) error {
		var b pgx.Batch
		b.Queue(`set local synchronous_commit = off`) // the next announcement makes up for a lost one
		b.Queue(forget, serverMemory)
		b.Queue(put, s.ID, text(s.Host), text(s.Version), s.Generation, string(shared))
		return tx.SendBatch(ctx, &b).Close()
	})
	if err != nil {
		return fmt.Errorf("announce the server: %w", interpret(err))
	}
	return nil
}

// RemoveServer forgets a server that ends.
func (r *Reader) RemoveServer(ctx context.Context, id string) error {
	err := pgx.BeginTxFunc(ctx, r.pool, pgx.TxOptions{AccessMode: pgx.ReadWrite}, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `delete from server where id = $1`, id)
		return err
	})
	if err != nil {
		return fmt.Errorf("forget the server: %w", interpret(err))
	}
	return nil
}

// Servers returns the servers that were heard of in the last hour, sorted by host.
func (db *DB) Servers(ctx context.Context) (list []Server, err error) {
	const q = `
		select id, host, version, generation, settings, started_at, now() - seen_at from server
		where seen_at > now() - $1::interval order by host, started_at limit $2`
	rows, err := db.pool.Query(ctx, q, serverMemory, maxServers)
	if err != nil {
		return nil, fmt.Errorf("list the servers: %w", interpret(err))
	}
	var s Server
	var shared []byte
	_, err = pgx.ForEachRow(rows, []any{&s.ID, &s.Host, &s.Version, &s.Generation, &shared, &s.Started, &s.Age}, func() error {
		s.Settings = nil
		if err := json.Unmarshal(shared, &s.Settings); err != nil {
			return err
		}
		list = append(list, s)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list the servers: %w", interpret(err))
	}
	return list, nil
}

// IsAlive reports whether the server was heard of a moment ago.
func (s *Server) IsAlive() bool { return s.Age < ServerTimeout }
