package gateway_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"offlinestore/catalog"
	"offlinestore/internal/registrartest"
	"offlinestore/registrar"
	"offlinestore/server/gateway"
	"offlinestore/server/gateway/api"
)

// TestSlowKey makes a key on a slow token: others are told, and the key is there although its client has gone.
func TestSlowKey(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	s.token.Slow(2 * time.Second)
	ctx, leave := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		req, err := http.NewRequestWithContext(ctx, "POST", s.url+api.Path+inBrand+"/signing_key", bytes.NewReader([]byte(`{"name":"slow"}`)))
		if err != nil {
			t.Error(err)
			return
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Authorization", "Macaroon "+s.logins[modeller])
		if resp, err := http.DefaultClient.Do(req); err == nil {
			resp.Body.Close()
			t.Errorf("the client did not leave in time: %s", resp.Status)
		}
	})
	time.Sleep(500 * time.Millisecond)
	s.refused(409, api.CodeBusy, modeller, "POST", inBrand+"/signing_key", `{"name":"slow"}`)
	s.want(200, nil, viewer, "GET", inBrand+"/signing_key", nil) // it keeps nobody else waiting
	leave()
	wg.Wait()
	for range 100 {
		var keys []api.SigningKey
		if s.want(200, &keys, viewer, "GET", inBrand+"/signing_key", nil); len(keys) == 1 {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Error("the key was lost")
}

// TestKeyTakesLongerThanAnswers makes a key, and signs with it, for longer than other answers may take.
func TestKeyTakesLongerThanAnswers(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	s.timeout = time.Second
	s.serve(gateway.Config{Token: s.token})
	s.token.Slow(2 * time.Second)
	key := s.addKey("slow")
	if status, text := s.call(modeller, "GET", inBrand+"/signing_key/"+key.SHA3384+"/key-request", nil); status != 200 {
		t.Errorf("key-request = %d %s", status, text)
	}
}

// TestManyKeysAtOnce asks for many keys on a slow token: a few are made at once, and the others are told to come later.
func TestManyKeysAtOnce(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	s.token.Slow(3 * time.Second)
	var wg sync.WaitGroup
	results := make(chan int, 6)
	for n := range cap(results) {
		wg.Go(func() {
			status, _ := s.call(modeller, "POST", inBrand+"/signing_key", map[string]string{"name": fmt.Sprint("key-", n)})
			results <- status
		})
	}
	wg.Wait()
	close(results)
	count := map[int]int{}
	for status := range results {
		count[status]++
	}
	if count[201] < 2 || count[201]+count[503] != 6 || count[503] == 0 {
		t.Errorf("statuses %v, want two keys and else 503", count)
	}
}

// TestForeignKey refuses the name of a key that is on the token, and that this store has not made.
func TestForeignKey(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	if _, err := s.token.Generate(t.Context(), "foreign"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		s.refused(409, api.CodeExists, modeller, "POST", inBrand+"/signing_key", `{"name":"foreign"}`)
	}
	s.addKey("serials")
	s.refused(409, api.CodeExists, modeller, "POST", inBrand+"/signing_key", `{"name":"serials"}`)
	s.push(s.stack.Account("other", "Other", nil))
	s.refused(409, api.CodeExists, modeller, "POST", "/v1/brand/other/signing_key", `{"name":"serials"}`)
}

// lazyToken makes keys, and then takes too long to answer.
type lazyToken struct {
	*registrartest.Token
	late bool
}

func (l *lazyToken) Generate(ctx context.Context, name string) (registrar.TokenKey, error) {
	k, err := l.Token.Generate(ctx, name)
	if l.late {
		return registrar.TokenKey{}, registrar.ErrBusy
	}
	return k, err
}

func (l *lazyToken) Delete(ctx context.Context, id string) error {
	if l.late {
		return errors.Join(registrar.ErrNoToken, errors.New("it was pulled out"))
	}
	return l.Token.Delete(ctx, id)
}

// TestTokenStopsHalfway lets the token fail after a key was made, and before one is deleted: asking again succeeds.
func TestTokenStopsHalfway(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	lazy := &lazyToken{Token: s.token, late: true}
	s.serve(gateway.Config{Token: lazy})
	s.refused(503, api.CodeBusy, modeller, "POST", inBrand+"/signing_key", `{"name":"serials"}`)
	lazy.late = false
	s.push(s.stack.Account("other", "Other", nil))
	s.refused(409, api.CodeExists, modeller, "POST", "/v1/brand/other/signing_key", `{"name":"serials"}`)
	key := s.addKey("serials")
	lazy.late = true
	s.refused(503, api.CodeNoToken, modeller, "DELETE", inBrand+"/signing_key/"+key.SHA3384, nil)
	lazy.late = false
	if again := s.addKey("serials"); again.SHA3384 != key.SHA3384 {
		t.Errorf("another key: %s, want %s", again.SHA3384, key.SHA3384)
	}
	s.want(204, nil, modeller, "DELETE", inBrand+"/signing_key/"+key.SHA3384, nil)
	if left, err := s.token.Keys(t.Context()); err != nil || len(left) != 0 {
		t.Errorf("keys on the token: %v, %v; want none", left, err)
	}
}

// TestAmbiguousKey refuses to adopt one of several keys of a name.
func TestAmbiguousKey(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	s.serve(gateway.Config{Token: twins{s.token}})
	s.refused(409, api.CodeExists, modeller, "POST", inBrand+"/signing_key", `{"name":"serials"}`)
}

// twins is a token with two keys of each name.
type twins struct{ *registrartest.Token }

func (t twins) Generate(context.Context, string) (registrar.TokenKey, error) {
	return registrar.TokenKey{}, registrar.ErrKeyExists
}

func (t twins) Keys(context.Context) ([]registrar.TokenKey, error) {
	return []registrar.TokenKey{{Name: "serials", ID: "a"}, {Name: "serials", ID: "b"}}, nil
}

// heldToken deletes a key when it is told to.
type heldToken struct {
	*registrartest.Token
	begun, proceed chan struct{}
}

func (h *heldToken) Delete(ctx context.Context, id string) error {
	close(h.begun)
	<-h.proceed
	return h.Token.Delete(ctx, id)
}

// TestDeleteAndMake makes a key of the name of one that is being deleted: the new one must be another, or wait.
func TestDeleteAndMake(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	held := &heldToken{s.token, make(chan struct{}), make(chan struct{})}
	s.serve(gateway.Config{Token: held})
	key := s.addKey("serials")
	var wg sync.WaitGroup
	wg.Go(func() {
		if status, text := s.call(modeller, "DELETE", inBrand+"/signing_key/"+key.SHA3384, nil); status != 204 {
			t.Errorf("DELETE = %d %s", status, text)
		}
	})
	<-held.begun
	other := *s // another server of the store
	other.serve(gateway.Config{Token: s.token})
	other.refused(409, api.CodeBusy, modeller, "POST", inBrand+"/signing_key", `{"name":"serials"}`)
	s.refused(409, api.CodeBusy, modeller, "POST", inBrand+"/signing_key", `{"name":"serials"}`)
	close(held.proceed)
	wg.Wait()
	if again := s.addKey("serials"); again.SHA3384 == key.SHA3384 {
		t.Error("a deleted key is back")
	}
}

// TestReusedTokenEndsItsLogins exchanges a token that can be used again, for a login that ends with it.
func TestReusedTokenEndsItsLogins(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	const jo = "jo@example.internal"
	token := s.addToken(jo, []string{catalog.RoleViewer})
	until := time.Now().Add(time.Hour).Truncate(time.Second)
	conn, err := pgx.Connect(t.Context(), s.dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), `update admin set once = false, expires_at = $1 where email = $2`, until, jo); err != nil {
		t.Fatal(err)
	}
	s.logins[jo] = s.exchange(token)
	var me struct {
		Expires time.Time `json:"expires"`
	}
	if s.want(200, &me, jo, "GET", "/v1/tokens/whoami", nil); !me.Expires.Equal(until) {
		t.Errorf("the login ends at %s, want %s", me.Expires, until)
	}
}
