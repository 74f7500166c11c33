package catalog_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"offlinestore/catalog"
)

// TestUseNonce records nonces by two servers with their own role.
func TestUseNonce(t *testing.T) {
	t.Parallel()
	s, dsn := open(t)
	role := databaseOf(t, dsn) + "_server"
	if err := s.CreateServerRole(t.Context(), role); err != nil {
		t.Fatal(err)
	}
	dropRole(t, dsn, role)
	readers := []*catalog.Reader{openReader(t, asRole(t, dsn, role)), openReader(t, asRole(t, dsn, role))}
	var fresh [20]atomic.Int32
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			ok, err := readers[i%2].UseNonce(t.Context(), fmt.Append(nil, "nonce ", i/2), monday.Add(time.Duration(i/2)*time.Minute))
			if err != nil {
				t.Error(err)
			}
			if ok {
				fresh[i/2].Add(1)
			}
		})
	}
	wg.Wait()
	for i := range fresh {
		if n := fresh[i].Load(); n != 1 {
			t.Errorf("nonce %d was fresh %d times, want once", i, n)
		}
	}
	if err := readers[0].ForgetNonces(t.Context(), monday.Add(10*time.Minute)); err != nil {
		t.Fatal(err)
	}
	for i, want := range map[int]bool{9: true, 10: false} {
		ok, err := readers[1].UseNonce(t.Context(), fmt.Append(nil, "nonce ", i), monday)
		if ok != want || err != nil {
			t.Errorf("UseNonce of nonce %d after those before 10 were forgotten = %t, %v, want %t", i, ok, err, want)
		}
	}
}

func TestTooManyNonces(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("writes a million rows")
	}
	_, dsn := open(t)
	r := openReader(t, dsn)
	exec(t, dsn, `insert into session_nonce select int4send(n), now() + n * interval '1 microsecond' from generate_series(1, 1 << 20) n`)
	if err := r.ForgetNonces(t.Context(), time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	if _, err := r.UseNonce(t.Context(), []byte("a"), time.Now()); !errors.Is(err, catalog.ErrFull) {
		t.Errorf("UseNonce = %v, want ErrFull", err)
	}
	if err := r.ForgetNonces(t.Context(), time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if ok, err := r.UseNonce(t.Context(), []byte("a"), time.Now()); !ok || err != nil {
		t.Errorf("UseNonce after the others have expired = %t, %v, want true", ok, err)
	}
}

// TestUseNonceWithoutRight uses a nonce as a role that an operator made, and without rights for the new table.
func TestUseNonceWithoutRight(t *testing.T) {
	t.Parallel()
	s, dsn := open(t)
	role := databaseOf(t, dsn) + "_server"
	if err := s.CreateServerRole(t.Context(), role); err != nil {
		t.Fatal(err)
	}
	dropRole(t, dsn, role)
	exec(t, dsn, "revoke insert on session_nonce from "+role)
	r := openReader(t, asRole(t, dsn, role))
	for range 10 { // more than the connections that the failures may close
		if _, err := r.UseNonce(t.Context(), []byte("a"), time.Now()); !errors.Is(err, catalog.ErrRights) {
			t.Fatalf("UseNonce = %v, want ErrRights", err)
		}
	}
	if _, err := r.Generation(t.Context()); err != nil {
		t.Error(err)
	}
}
