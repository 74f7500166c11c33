package admin_test

import (
	"fmt"
	"testing"
	"time"

	"offlinestore/catalog"
	"offlinestore/internal/admintest"
)

// TestNarrowedDischarge checks that a discharge which its holder narrowed, to hand it on, is not worth more after a refresh.
func TestNarrowedDischarge(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	l := a.login()
	narrow := login{l.root, l.discharge.Clone()}
	until := time.Unix(a.now.Load(), 0).Add(5 * time.Minute).UTC().Format(time.RFC3339)
	if err := narrow.discharge.AddFirstPartyCaveat([]byte("store-admin|expires|" + until)); err != nil {
		t.Fatal(err)
	}
	a.wantStatus("narrowed", narrow, 200)
	a.pass(6 * time.Minute)
	a.wantStatus("narrowed, after its time", narrow, 401)
	if resp, _ := a.tryRefresh(narrow.discharge); resp.StatusCode != 401 {
		t.Errorf("refresh of a narrowed discharge = %d, want 401", resp.StatusCode)
	}
	a.wantStatus("the login that it was made of", l, 200)
}

// TestBruteForceOfTwoServers spreads guesses over two servers of a store, which count them together.
func TestBruteForceOfTwoServers(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	first, second := a.url, a.another()
	for i := range 11 {
		a.url = first
		if i%2 == 1 {
			a.url = second
		}
		want := 401
		if i == 10 {
			want = 429
		}
		if resp, body := a.tryDischarge(email, fmt.Sprint("guess", i), caveat(a.issue())); resp.StatusCode != want {
			t.Errorf("guess %d = %d %s, want %d", i, resp.StatusCode, body, want)
		}
	}
}

// TestBruteForce checks a row of docs/errors.md: guesses are counted, also for unknown accounts, and then even the right password
// has to wait.
func TestBruteForce(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	id := caveat(a.issue())
	try := func(email, password string) (int, string) {
		resp, body := a.tryDischarge(email, password, id)
		if resp.StatusCode == 429 && resp.Header.Get("Retry-After") == "" {
			t.Error("429 without Retry-After")
		}
		return resp.StatusCode, body
	}
	for i := range 10 {
		status, body := try(email, fmt.Sprint("guess", i))
		_, nobody := try("nobody@example.internal", fmt.Sprint("guess", i))
		if status != 401 || body != nobody {
			t.Fatalf("guess %d = %d %s, for nobody %s; want the same 401", i, status, body, nobody)
		}
	}
	if status, _ := try(email, password); status != 429 {
		t.Errorf("the right password after many guesses = %d, want 429", status)
	}
	if status, _ := try("somebody@example.internal", "guess"); status != 429 {
		t.Errorf("another account from the same address = %d, want 429", status)
	}
	// An address that has used up its own attempts leaves the attempts of an account alone.
	jo := "jo@example.internal"
	a.addAdmin(catalog.Admin{Email: jo, Secret: admintest.Hash(password)})
	for range 12 {
		if status, _ := try(jo, "guess"); status != 429 {
			t.Fatalf("one more attempt from the address = %d, want 429", status)
		}
	}
	a.pass(11 * time.Second)
	if status, body := try(jo, password); status != 200 {
		t.Errorf("the right password, once the address may again = %d %s, want 200", status, body)
	}
	a.pass(2 * time.Minute)
	if status, body := try(email, password); status != 200 {
		t.Errorf("the right password, two minutes later = %d %s, want 200", status, body)
	}
}
