package registrar_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"offlinestore/assertion"
	"offlinestore/catalog"
	"offlinestore/internal/assertiontest"
	"offlinestore/internal/pgtest"
	"offlinestore/internal/registrartest"
	"offlinestore/registrar"
	"offlinestore/session"
)

// site is a store that signs serials for the models pump and valve of the brand acme.
type site struct {
	tb    testing.TB
	stack *assertiontest.Stack
	brand *assertiontest.Account
	model *assertion.Assertion
	token *registrartest.Token
	db    *catalog.DB
	dsn   string
	mu    sync.Mutex // held by a test that changes knows while requests wait
	knows registrar.Knowledge
	*registrar.Registrar
}

// migrated prepares the database that the tests' own are copies of.
func migrated(dsn string) error {
	db, err := catalog.Open(context.Background(), dsn)
	if err == nil {
		db.Close()
	}
	return err
}

func newSite(tb testing.TB) *site {
	tb.Helper()
	st := &site{tb: tb, stack: assertiontest.NewStack(tb), dsn: pgtest.NewFrom(tb, migrated)}
	st.brand = st.stack.NewAccount("acme", "brand")
	st.model = st.brand.Model("pump", nil)
	private, err := assertiontest.PrivateKey("brand")
	if err != nil {
		tb.Fatal(err)
	}
	st.token = registrartest.NewToken(private)
	if st.db, err = catalog.Open(tb.Context(), st.dsn); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(st.db.Close)
	id := st.brand.Key.KeyID()
	st.exec(`insert into signing_key (id, brand_id, name, fingerprint, created_by, modified_by) values ('` + id + `', 'acme', 'key-1', '', '', '')`)
	for _, model := range []string{"pump", "valve"} {
		st.exec(`insert into device_model (brand_id, name, series, api_key, created_by, modified_by) values ('acme', '` + model + `', '16', '` + model + ` key', '', '')`)
		st.exec(`insert into serial_policy (brand_id, model, revision, key_id, authority_id, created_by) values ('acme', '` + model + `', 1, '` + id + `', 'acme', '')`)
	}
	st.knows = registrar.Knowledge{Keys: session.NewKeys("secret"), Trust: st.stack.Trust(), Now: assertiontest.Time(),
		Source: assertion.NewSet(append(st.stack.Base(), st.brand.Assertions()...)...)}
	st.load()
	st.Registrar = st.server()
	return st
}

// server returns a registrar of another server of the store.
func (st *site) server() *registrar.Registrar {
	st.tb.Helper()
	r, err := catalog.OpenReader(st.tb.Context(), st.dsn)
	if err != nil {
		st.tb.Fatal(err)
	}
	st.tb.Cleanup(r.Close)
	return registrar.New(registrar.Config{Token: st.token, Records: r, Now: func() time.Time { return st.knows.Now }})
}

func (st *site) exec(statement string) {
	st.tb.Helper()
	conn, err := pgx.Connect(st.tb.Context(), st.dsn)
	if err != nil {
		st.tb.Fatal(err)
	}
	defer conn.Close(st.tb.Context())
	if _, err := conn.Exec(st.tb.Context(), statement); err != nil {
		st.tb.Fatal(err)
	}
}

// current returns the state of the store.
func (st *site) current() registrar.Knowledge {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.knows
}

// count returns the number that a query finds.
func (st *site) count(query string) (n int) {
	st.tb.Helper()
	conn, err := pgx.Connect(st.tb.Context(), st.dsn)
	if err != nil {
		st.tb.Fatal(err)
	}
	defer conn.Close(st.tb.Context())
	if err := conn.QueryRow(st.tb.Context(), query).Scan(&n); err != nil {
		st.tb.Fatal(err)
	}
	return n
}

// load loads the models.
func (st *site) load() {
	st.tb.Helper()
	c, err := st.db.LoadSnapshot(st.tb.Context())
	if err != nil {
		st.tb.Fatal(err)
	}
	st.knows.Models = c.DeviceModels
}

// newDevice returns the key of another device.
func newDevice(tb testing.TB) *assertion.SigningKey {
	tb.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		tb.Fatal(err)
	}
	key, err := assertion.NewSigningKey(private)
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

// stream returns the text of a stream of assertions.
func stream(tb testing.TB, list ...*assertion.Assertion) []byte {
	tb.Helper()
	var b bytes.Buffer
	if err := assertion.EncodeAll(&b, list); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

// requestOf returns the body of a request for a serial of the model pump.
func (st *site) requestOf(device *assertion.SigningKey, changes assertiontest.Headers) []byte {
	return stream(st.tb, assertiontest.SerialRequest("acme", "pump", st.knows.Keys.NewRequestID(st.knows.Now), device, changes), st.model)
}

// ask verifies and registers a request that shows the key of the model.
func (st *site) ask(r *registrar.Registrar, body []byte) ([]*assertion.Assertion, error) {
	p, err := st.knows.Verify(registrar.Request{Body: body, APIKey: "pump key", Origin: "192.0.2.7", Current: st.current})
	if err != nil {
		return nil, err
	}
	answer, err := r.Register(st.tb.Context(), p)
	if err != nil {
		return nil, err
	}
	list, err := assertion.DecodeAll(answer)
	if err == nil && len(list) == 0 {
		err = fmt.Errorf("an empty answer")
	}
	return list, err
}

// mustAsk returns the serial that answers a request.
func (st *site) mustAsk(body []byte) *assertion.Assertion {
	st.tb.Helper()
	list, err := st.ask(st.Registrar, body)
	if err != nil {
		st.tb.Fatal(err)
	}
	return list[0]
}

// log returns the log of the model pump.
func (st *site) log() []catalog.SerialLogEntry {
	st.tb.Helper()
	list, err := st.db.SerialLog(st.tb.Context(), catalog.SerialLogQuery{BrandID: "acme", Model: "pump", Limit: 10000})
	if err != nil {
		st.tb.Fatal(err)
	}
	return list
}
