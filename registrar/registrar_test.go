package registrar_test

import (
	"errors"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"offlinestore/assertion"
	"offlinestore/catalog"
	"offlinestore/internal/assertiontest"
	"offlinestore/internal/pgtest"
	"offlinestore/registrar"
	"offlinestore/session"
)

// TestRegister registers a device, which then asks again.
func TestRegister(t *testing.T) {
	t.Parallel()
	st := newSite(t)
	device := newDevice(t)
	list, err := st.ask(st.Registrar, st.requestOf(device, assertiontest.Headers{"serial": "P-0001"}))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, a := range list {
		got = append(got, a.Ref().Key())
	}
	want := []string{"serial/acme/pump/P-0001", st.brand.AccountKey.Ref().Key(), "account/acme", st.stack.StoreAccountKey.Ref().Key()}
	if !slices.Equal(got, want) {
		t.Errorf("the stream has %q, want %q", got, want)
	}
	// A device has nothing but its root.
	v := assertion.Verifier{Trust: st.stack.Trust(), Source: assertion.NewSet(list[1:]...), Time: assertiontest.Time()}
	if err := v.Verify(list[0]); err != nil {
		t.Error(err)
	}
	if list[0].Revision() != 0 || list[0].AuthorityID() != "acme" || list[0].HeaderString("device-key-sha3-384") != device.KeyID() ||
		list[0].HeaderString("device-key") != string(device.PublicKeyBody()) || !list[0].Timestamp().Equal(assertiontest.Time()) {
		t.Errorf("the serial is %s", list[0].Raw())
	}
	again := st.mustAsk(st.requestOf(device, assertiontest.Headers{"serial": "another"}))
	if again.HeaderString("serial") != "P-0001" || again.Revision() != 1 {
		t.Errorf("the same device gets %s", again.Raw())
	}
	other := st.mustAsk(st.requestOf(newDevice(t), assertiontest.Headers{"serial": "P-0001"}))
	if !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(other.HeaderString("serial")) {
		t.Errorf("a device that proposes the serial of another one gets %q, want a UUID", other.HeaderString("serial"))
	}
	log := st.log()
	if len(log) != 3 || log[2].Assertion != string(list[0].Raw()) || log[2].Origin != "192.0.2.7" || log[2].KeyID != st.brand.Key.KeyID() || log[2].Policy != 1 {
		t.Errorf("the log has %+v", log)
	}
}

// TestRequestIDWorksOnce sends answered requests again.
func TestRequestIDWorksOnce(t *testing.T) {
	t.Parallel()
	st := newSite(t)
	device := newDevice(t)
	id := st.knows.Keys.NewRequestID(st.knows.Now)
	body := st.requestOf(device, assertiontest.Headers{"request-id": id})
	st.mustAsk(body)
	for name, again := range map[string][]byte{
		"the same request": body, "another request": st.requestOf(device, assertiontest.Headers{"request-id": id, "serial": "x"}),
		"another device": st.requestOf(newDevice(t), assertiontest.Headers{"request-id": id}),
	} {
		if _, err := st.ask(st.Registrar, again); !errors.Is(err, catalog.ErrRequestUsed) {
			t.Errorf("%s: %v, want ErrRequestUsed", name, err)
		}
	}
	late := st.requestOf(device, nil)
	st.knows.Now = st.knows.Now.Add(session.NonceLife)
	if _, err := st.ask(st.Registrar, late); !errors.Is(err, session.ErrExpired) {
		t.Errorf("an expired request-id: %v, want ErrExpired", err)
	}
	if n := st.token.Signatures(); n != 1 {
		t.Errorf("%d signatures, want 1", n)
	}
}

// TestSlowToken lets devices poll while the token is held up, also at another server, and after their request-id has expired.
func TestSlowToken(t *testing.T) {
	t.Parallel()
	st := newSite(t)
	other := st.server()
	release := st.token.Hold()
	body, device := st.requestOf(newDevice(t), nil), newDevice(t)
	second := st.requestOf(device, nil)
	began := time.Now()
	var wg sync.WaitGroup
	for _, b := range [][]byte{body, body, second} {
		wg.Go(func() {
			// Nobody is told to poll before the request is recorded.
			if _, err := st.ask(st.Registrar, b); !errors.Is(err, registrar.ErrPending) && !errors.Is(err, registrar.ErrCrowd) {
				t.Errorf("while the token is busy: %v, want ErrPending or ErrCrowd", err)
			}
		})
	}
	wg.Wait()
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the answer took %v", took)
	}
	if _, err := st.ask(other, body); !errors.Is(err, registrar.ErrPending) {
		t.Errorf("at another server: %v, want ErrPending", err)
	}
	if n := st.Pending(); n != 2 {
		t.Errorf("%d requests wait, want 2", n)
	}
	st.knows.Now = st.knows.Now.Add(2 * session.NonceLife)
	release()
	for deadline := time.Now().Add(10 * time.Second); st.Pending() > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the requests still wait")
		}
	}
	if n := len(st.log()); n != 2 {
		t.Fatalf("%d serials, want 2", n)
	}
	for range 2 { // the first answer may get lost
		for _, r := range []*registrar.Registrar{other, st.Registrar} {
			if list, err := st.ask(r, body); err != nil || list[0].Revision() != 0 {
				t.Errorf("a poll: %v, %v", list, err)
			}
		}
	}
	if n := st.token.Signatures(); n != 2 {
		t.Errorf("%d signatures for two requests", n)
	}
	if serial := st.mustAsk(second); serial.HeaderString("device-key-sha3-384") != device.KeyID() {
		t.Errorf("the answer to the second device is %s", serial.Raw())
	}
}

// TestAbandonedRequest polls for a request whose server was killed.
func TestAbandonedRequest(t *testing.T) {
	t.Parallel()
	st := newSite(t)
	release := st.token.Hold()
	defer release()
	body := st.requestOf(newDevice(t), nil)
	if _, err := st.ask(st.Registrar, body); !errors.Is(err, registrar.ErrPending) {
		t.Fatalf("while the token is busy: %v, want ErrPending", err)
	}
	other := st.server()
	st.exec(`update serial_request set changed_at = now() - interval '1 minute'`)
	release()
	list, err := st.ask(other, body)
	if errors.Is(err, registrar.ErrPending) { // the first server was alive after all, and faster
		list, err = st.ask(other, body)
	}
	if err != nil || len(st.log()) != 1 || list[0].Type() != "serial" {
		t.Errorf("the other server answers %v, %v, and the log has %d serials", list, err, len(st.log()))
	}
}

// TestManyDevices registers 500 devices at once, half of which want the same serial, at two servers, with a slow token. Each is answered or told
// to poll.
func TestManyDevices(t *testing.T) {
	t.Parallel()
	devices := 500
	if testing.Short() {
		devices = 100
	}
	st := newSite(t)
	servers := []*registrar.Registrar{st.Registrar, st.server()}
	st.token.Slow(20 * time.Millisecond)
	keys := make([]*assertion.SigningKey, devices)
	var wg sync.WaitGroup
	for i := range keys {
		keys[i] = newDevice(t)
	}
	serials := make([]string, devices)
	for i, key := range keys {
		wg.Go(func() {
			var changes assertiontest.Headers
			if i%2 == 0 {
				changes = assertiontest.Headers{"serial": "same"}
			}
			body := st.requestOf(key, changes)
			for {
				list, err := st.ask(servers[i%2], body)
				if err == nil {
					serials[i] = list[0].HeaderString("serial")
					if list[0].HeaderString("device-key-sha3-384") != key.KeyID() {
						t.Errorf("device %d gets the serial of another key", i)
					}
					return
				}
				if !errors.Is(err, registrar.ErrPending) && !errors.Is(err, registrar.ErrCrowd) { // devices ask again after both
					t.Errorf("device %d: %v", i, err)
					return
				}
				time.Sleep(100 * time.Millisecond)
			}
		})
	}
	wg.Wait()
	slices.Sort(serials)
	if n := len(slices.Compact(serials)); n != devices || len(st.log()) != devices {
		t.Errorf("%d different serials, and %d in the log, want %d", n, len(st.log()), devices)
	}
	if !slices.Contains(serials, "same") {
		t.Error("no device has got the serial that many wanted")
	}
}

// TestTemporaryFaults sends a request again after the token, and then the database, did not answer.
func TestTemporaryFaults(t *testing.T) {
	t.Parallel()
	st := newSite(t)
	fault := errors.New("the cable is loose")
	st.token.Break(fault)
	body := st.requestOf(newDevice(t), nil)
	if _, err := st.ask(st.Registrar, body); !errors.Is(err, fault) || registrar.IsRefusal(err) {
		t.Errorf("a fault of the token: %v, want one that is no refusal", err)
	}
	st.token.Break(nil)
	st.knows.Now = st.knows.Now.Add(2 * session.NonceLife) // the device comes back when its request-id has expired
	if _, err := st.ask(st.Registrar, body); !errors.Is(err, registrar.ErrPending) {
		t.Errorf("the request again at once: %v, want ErrPending", err)
	}
	st.exec(`update serial_request set changed_at = now() - interval '1 minute'`)
	st.mustAsk(body)

	proxy := pgtest.NewProxy(t, st.dsn)
	through, err := catalog.OpenReader(t.Context(), proxy.DSN(st.dsn))
	if err != nil {
		t.Fatal(err)
	}
	defer through.Close()
	r := registrar.New(registrar.Config{Token: st.token, Records: through, Now: func() time.Time { return st.knows.Now }})
	body = st.requestOf(newDevice(t), nil)
	proxy.Hang()
	began := time.Now()
	if _, err := st.ask(r, body); !errors.Is(err, catalog.ErrUnavailable) || registrar.IsRefusal(err) {
		t.Errorf("a database that hangs: %v, want ErrUnavailable", err)
	}
	if took := time.Since(began); took > 9*time.Second {
		t.Errorf("the answer took %v, and snapd waits for ten seconds", took)
	}
	proxy.Resume()
	if _, err := st.ask(r, body); err != nil {
		t.Errorf("the same request when the database answers again: %v", err)
	}
}
