package catalog_test

import (
	"context"
	"errors"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"offlinestore/catalog"
	"offlinestore/internal/pgtest"
)

// TestSessionAttributes opens a catalogue with each value of target_session_attrs that a server which can write fits, for writing and
// for reading.
func TestSessionAttributes(t *testing.T) {
	t.Parallel()
	dsn := pgtest.New(t)
	for _, attrs := range []string{"any", "read-write", "primary", "prefer-standby"} {
		with := withQuery(t, dsn, "target_session_attrs", attrs)
		db, err := catalog.Open(t.Context(), with)
		if err != nil {
			t.Fatalf("%s: Open: %v", attrs, err)
		}
		db.Close()
		r, err := catalog.OpenReader(t.Context(), with)
		if err != nil {
			t.Fatalf("%s: OpenReader: %v", attrs, err)
		}
		if _, err := r.LoadSnapshot(t.Context()); err != nil {
			t.Errorf("%s: LoadSnapshot: %v", attrs, err)
		}
		if can, err := catalog.ReaderCanWrite(t.Context(), r); can || err != nil {
			t.Errorf("%s: a reader can write: %t, %v", attrs, can, err)
		}
		r.Close()
	}
}

// TestSilentHost puts a host that accepts connections and never answers before the database.
func TestSilentHost(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	_, port, _ := net.SplitHostPort(silent.Addr().String())
	dsn := pgtest.New(t)
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	both := withQuery(t, withQuery(t, dsn, "host", "127.0.0.1,"+u.Query().Get("host")), "port", port+",5432")
	began := time.Now()
	db, err := catalog.Open(t.Context(), both)
	if err != nil {
		t.Fatalf("the second host was not tried: %v", err)
	}
	db.Close()
	if took := time.Since(began); took < 4*time.Second || took > 8*time.Second {
		t.Errorf("opened after %v, want about 5s", took)
	}
	began = time.Now()
	r, err := catalog.OpenReader(t.Context(), both)
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("opened again after %v, want at once: the host is known to be silent", took)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	began = time.Now()
	_, err = catalog.Open(ctx, "postgres://store@127.0.0.1:"+port+"/store")
	if took := time.Since(began); took > 2*time.Second || !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled Open ended after %v with %v", took, err)
	}
	if _, err := catalog.Open(t.Context(), "postgres://store@127.0.0.1:"+port+"/store?connect_timeout=1"); !errors.Is(err, catalog.ErrUnavailable) {
		t.Errorf("err = %v, want ErrUnavailable", err)
	}
}

func withQuery(t *testing.T, dsn, name, value string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set(name, value)
	u.RawQuery = strings.ReplaceAll(q.Encode(), "+", "%20") // a plus sign is no space here
	return u.String()
}
