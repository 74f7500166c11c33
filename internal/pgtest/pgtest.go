// Package pgtest gives each test a PostgreSQL database of its own.
//
// The first test of a process starts a cluster for the databases, in memory if there is room. If the variable
// OFFLINESTORE_TEST_DATABASE_URL names a database on another cluster, by a user that may create databases, the databases
// are created there. Nothing of the cluster remains after the process, however the process ends.
package pgtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"offlinestore/instance/pgcluster"
)

const databaseURL = "OFFLINESTORE_TEST_DATABASE_URL"

// objectInUse is PostgreSQL's code for a template that still has a connection.
const objectInUse = "55006"

// New returns the connection string of an empty database. The end of the test drops the database. Without PostgreSQL the
// test is skipped, or fails if the variable CI is set.
func New(tb testing.TB) string {
	tb.Helper()
	admin, copying := server(tb)
	return create(tb, admin, copying)
}

// NewFrom returns the connection string of a database like New, which template has filled. It calls template once in a
// process and copies the result for each test. So template must be a function, not a closure that differs from test to
// test, and must close its connections.
func NewFrom(tb testing.TB, template func(dsn string) error) string {
	tb.Helper()
	admin, copying := server(tb)
	if os.Getenv(databaseURL) != "" {
		// A template would remain on a cluster that isn't ours, because no test knows that it is the last.
		dsn := create(tb, admin, copying)
		if err := template(dsn); err != nil {
			tb.Fatalf("fill a database: %v", err)
		}
		return dsn
	}
	name, err := shared.template(admin, template)
	if err != nil {
		tb.Fatalf("make a template database: %v", err)
	}
	return create(tb, admin, " TEMPLATE "+name+copying)
}

// shared holds the state that all tests of this process share.
var shared process

type process struct {
	start func() (*testCluster, error)

	mu        sync.Mutex
	admin     *pgxpool.Pool
	templates map[uintptr]func() (string, error)
}

// server returns the connection string of a database from which others can be created, and the clause that copies a template fast.
func server(tb testing.TB) (admin, copying string) {
	tb.Helper()
	if dsn := os.Getenv(databaseURL); dsn != "" {
		return dsn, ""
	}
	cluster, err := shared.cluster()
	if errors.Is(err, pgcluster.ErrNotInstalled) && os.Getenv("CI") == "" {
		tb.Skip(err)
	}
	if err != nil {
		tb.Fatalf("start PostgreSQL: %v", err)
	}
	return adminOf(cluster.Cluster), cluster.copying
}

// cluster starts the cluster once.
func (p *process) cluster() (*testCluster, error) {
	p.mu.Lock()
	if p.start == nil {
		p.start = sync.OnceValues(startCluster)
	}
	start := p.start
	p.mu.Unlock()
	return start()
}

// template returns the name of the database that fill has filled.
func (p *process) template(admin string, fill func(dsn string) error) (string, error) {
	id := reflect.ValueOf(fill).Pointer()
	p.mu.Lock()
	fillOnce, ok := p.templates[id]
	if !ok {
		fillOnce = sync.OnceValues(func() (string, error) {
			ctx, cancel := context.WithTimeout(context.Background(), timeout)
			defer cancel()
			name := newName()
			if err := run(ctx, admin, "CREATE DATABASE "+name); err != nil {
				return "", err
			}
			dsn, err := withDatabase(admin, name)
			if err != nil {
				return "", err
			}
			return name, fill(dsn)
		})
		if p.templates == nil {
			p.templates = map[uintptr]func() (string, error){}
		}
		p.templates[id] = fillOnce
	}
	p.mu.Unlock()
	return fillOnce()
}

// create makes a database that the end of the test drops. options follow its name.
func create(tb testing.TB, admin, options string) string {
	tb.Helper()
	name := newName()
	dsn, err := withDatabase(admin, name)
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	if err := run(ctx, admin, "CREATE DATABASE "+name+options); err != nil {
		tb.Fatalf("create a database: %v", err)
	}
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), timeout)
		defer cancel()
		if err := run(ctx, admin, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			tb.Errorf("drop a database: %v", err)
		}
	})
	return dsn
}

// run runs a statement. It tries again while the template is in use, because PostgreSQL takes a moment to notice that a connection was closed.
func run(ctx context.Context, dsn, statement string) error {
	pool, err := shared.pool(ctx, dsn)
	if err != nil {
		return err
	}
	for range 100 {
		_, err = pool.Exec(ctx, statement)
		var pgErr *pgconn.PgError
		if !errors.As(err, &pgErr) || pgErr.Code != objectInUse {
			return err
		}
		time.Sleep(50 * time.Millisecond)
	}
	return err
}

// pool returns the connections on which databases are created and dropped. They remain until the process ends, because a connection for each
// statement takes a third of the time of a short test.
func (p *process) pool(ctx context.Context, dsn string) (*pgxpool.Pool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.admin == nil {
		pool, err := pgxpool.New(ctx, dsn)
		if err != nil {
			return nil, err
		}
		p.admin = pool
	}
	return p.admin, nil
}

func newName() string {
	return "test_" + strings.ToLower(rand.Text())
}

// withDatabase returns dsn for another database.
func withDatabase(dsn, name string) (string, error) {
	u, err := url.Parse(dsn)
	if err != nil || !strings.HasPrefix(u.Scheme, "postgres") {
		return "", fmt.Errorf("%s is no postgres:// URL", databaseURL)
	}
	// Package url would drop the slashes before an empty host, so the URL is put together by hand.
	user := ""
	if u.User != nil {
		user = u.User.String() + "@"
	}
	return u.Scheme + "://" + user + u.Host + "/" + name + "?" + u.RawQuery, nil
}
