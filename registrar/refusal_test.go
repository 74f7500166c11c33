package registrar_test

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"offlinestore/assertion"
	"offlinestore/internal/assertiontest"
	"offlinestore/registrar"
	"offlinestore/session"
)

// TestRefusals sends requests that must not be answered. Nothing is signed for them.
func TestRefusals(t *testing.T) {
	t.Parallel()
	st := newSite(t)
	device, other := newDevice(t), st.stack.NewAccount("other", "other")
	id := func() string { return st.knows.Keys.NewRequestID(st.knows.Now) }
	request := func(changes assertiontest.Headers) *assertion.Assertion {
		return assertiontest.SerialRequest("acme", "pump", id(), device, changes)
	}
	good := request(nil)
	altered := bytes.Replace(stream(t, good, st.model), []byte("\nmodel: pump\n"), []byte("\nmodel: pump\nserial: 1\n"), 1)
	alteredModel := bytes.Replace(stream(t, good, st.model), []byte("architecture: amd64"), []byte("architecture: arm64"), 1)
	valve := st.brand.Model("valve", nil)
	oldSerial := st.brand.Serial("valve", "V-1", device, nil)
	remodel := assertiontest.Headers{"original-brand-id": "acme", "original-model": "valve", "original-serial": "V-1"}
	for name, tt := range map[string]struct {
		body []byte
		want error
	}{
		"empty":                      {nil, registrar.ErrForm},
		"no assertion":               {[]byte("hello"), registrar.ErrForm},
		"no model":                   {stream(t, good), registrar.ErrForm},
		"another order":              {stream(t, st.model, good), registrar.ErrForm},
		"two requests":               {stream(t, good, good), registrar.ErrForm},
		"a fourth assertion":         {stream(t, request(remodel), st.model, oldSerial, st.model), registrar.ErrForm},
		"cut off":                    {stream(t, good, st.model)[:700], registrar.ErrForm},
		"too long":                   {append(stream(t, good, st.model), make([]byte, registrar.MaxBody)...), registrar.ErrForm},
		"a long request":             {stream(t, request(assertiontest.Headers{"note": strings.Repeat("x", 16<<10)}), st.model), registrar.ErrForm},
		"a slash in the serial":      {stream(t, request(assertiontest.Headers{"serial": "a/b"}), st.model), registrar.ErrForm},
		"a line break in the serial": {stream(t, request(assertiontest.Headers{"serial": "a\nb"}), st.model), registrar.ErrForm},
		"a list as the serial":       {stream(t, request(assertiontest.Headers{"serial": []any{"a"}}), st.model), registrar.ErrForm},
		"a long serial":              {stream(t, request(assertiontest.Headers{"serial": strings.Repeat("s", 200)}), st.model), registrar.ErrForm},
		"another model":              {stream(t, good, valve), registrar.ErrContradiction},
		"a model of another brand":   {stream(t, good, other.Model("pump", nil)), registrar.ErrContradiction},
		"an unknown model":           {stream(t, request(assertiontest.Headers{"model": "tap"}), st.brand.Model("tap", nil)), registrar.ErrModel},
		"an unknown brand":           {stream(t, request(assertiontest.Headers{"brand-id": "other"}), other.Model("pump", nil)), registrar.ErrModel},
		"a foreign request-id":       {stream(t, request(assertiontest.Headers{"request-id": session.NewKeys("b").NewRequestID(st.knows.Now)}), st.model), session.ErrForeign},
		"a nonce for sessions":       {stream(t, request(assertiontest.Headers{"request-id": st.knows.Keys.NewNonce(st.knows.Now)}), st.model), session.ErrForeign},
		"an old request-id":          {stream(t, request(assertiontest.Headers{"request-id": st.knows.Keys.NewRequestID(st.knows.Now.Add(-time.Hour))}), st.model), session.ErrExpired},
		"an altered request":         {altered, assertion.ErrBadSignature},
		"an altered model":           {alteredModel, assertion.ErrBadSignature},
		"an old serial, no remodel":  {stream(t, good, st.model, oldSerial), registrar.ErrForm},
		"a remodel, no old serial":   {stream(t, request(remodel), st.model), registrar.ErrForm},
		"a remodel, not listed":      {stream(t, request(remodel), st.model, oldSerial), registrar.ErrRemodel},
		"another old serial":         {stream(t, request(remodel), st.model, st.brand.Serial("valve", "V-2", device, nil)), registrar.ErrContradiction},
		"the serial of another key":  {stream(t, request(remodel), st.model, st.brand.Serial("valve", "V-1", newDevice(t), nil)), registrar.ErrContradiction},
		"an altered old serial":      {append(stream(t, request(remodel), st.model), "\n"+strings.Replace(string(oldSerial.Raw()), "timestamp: 2024", "timestamp: 2023", 1)...), assertion.ErrBadSignature},
	} {
		_, err := st.ask(st.Registrar, tt.body)
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
	if n, log := st.token.Signatures(), st.log(); n != 0 || len(log) != 0 {
		t.Errorf("%d signatures and %d log entries, want none", n, len(log))
	}
	if _, err := st.ask(st.Registrar, stream(t, good, st.model)); err != nil {
		t.Errorf("the good request: %v", err)
	}
}

// TestAPIKeys shows right and wrong keys to models with and without one.
func TestAPIKeys(t *testing.T) {
	t.Parallel()
	st := newSite(t)
	body := st.requestOf(newDevice(t), nil)
	for _, tt := range []struct {
		key  string
		want error
	}{
		{"", registrar.ErrAPIKey}, {"wrong", registrar.ErrAPIKey}, {"valve key", registrar.ErrAPIKey}, {"pump key", nil},
	} {
		if _, err := st.knows.Verify(registrar.Request{Body: body, APIKey: tt.key}); !errors.Is(err, tt.want) {
			t.Errorf("key %q: %v, want %v", tt.key, err, tt.want)
		}
	}
	for key, want := range map[string]bool{"pump key": true, "valve key": true, "": false, "pump": false} {
		if got := st.knows.KnowsAPIKey(key); got != want {
			t.Errorf("KnowsAPIKey(%q) = %t", key, got)
		}
	}
	st.exec(`update device_model set api_key = '' where name = 'pump'`)
	st.load()
	for _, key := range []string{"", "a key for another service"} {
		if _, err := st.knows.Verify(registrar.Request{Body: body, APIKey: key}); err != nil {
			t.Errorf("key %q for a model without one: %v", key, err)
		}
	}
}

// TestSigningKeyFaults lets the store's own state forbid a serial.
func TestSigningKeyFaults(t *testing.T) {
	t.Parallel()
	st := newSite(t)
	id := st.brand.Key.KeyID()
	keyWith := func(changes assertiontest.Headers) assertion.Source {
		return assertion.NewSet(append(st.stack.Base(), st.brand.Account, st.stack.AccountKey("acme", "default", st.brand.Key, changes))...)
	}
	// The model is signed by another key, so that only the serial is at fault.
	other := st.stack.NewAccount("acme", "other")
	model := other.Model("pump", nil)
	good := st.knows
	body := func() []byte {
		return stream(t, assertiontest.SerialRequest("acme", "pump", good.Keys.NewRequestID(good.Now), newDevice(t), nil), model)
	}
	both := func(s assertion.Source) assertion.Source {
		set := assertion.NewSet(other.AccountKey)
		for _, ref := range []assertion.Ref{{Type: "account-key", PrimaryKey: []string{id}}, st.brand.Account.Ref(), st.stack.StoreAccountKey.Ref()} {
			if a, err := s.Find(ref); err == nil {
				set.Add(a)
			}
		}
		return set
	}
	for name, tt := range map[string]struct {
		source assertion.Source
		token  error
		want   error
	}{
		"no account-key":              {assertion.NewSet(append(st.stack.Base(), st.brand.Account)...), nil, registrar.ErrSigningKey},
		"a clock before its validity": {keyWith(assertiontest.Headers{"since": "2025-06-01T00:00:00Z"}), nil, assertion.ErrKeyNotYetValid},
		"an expired key":              {keyWith(assertiontest.Headers{"until": "2024-06-01T00:00:00Z"}), nil, assertion.ErrExpiredKey},
		"constraints":                 {keyWith(assertiontest.Headers{"format": "1", "constraints": []any{map[string]any{"headers": map[string]any{"type": "model"}}}}), nil, assertion.ErrConstraints},
		"the key of another account":  {keyWith(assertiontest.Headers{"account-id": assertiontest.RootID}), nil, assertion.ErrWrongAuthority},
		"no token":                    {good.Source, registrar.ErrNoToken, registrar.ErrNoToken},
		"no such key on the token":    {good.Source, registrar.ErrNoKey, registrar.ErrNoKey},
	} {
		st.knows.Source = both(tt.source)
		st.token.Break(tt.token)
		if _, err := st.ask(st.Registrar, body()); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
	st.token.Break(nil)
	st.knows = good
	st.knows.Source = both(good.Source)
	late := body()
	st.exec(`delete from serial_policy where model = 'pump'`)
	if _, err := st.ask(st.Registrar, late); !errors.Is(err, registrar.ErrPolicy) {
		t.Errorf("a policy that has just been deleted: %v, want ErrPolicy", err)
	}
	st.load()
	if _, err := st.ask(st.Registrar, body()); !errors.Is(err, registrar.ErrPolicy) {
		t.Errorf("no policy: %v, want ErrPolicy", err)
	}
	if n, log := st.token.Signatures(), st.log(); n != 0 || len(log) != 0 {
		t.Errorf("%d signatures and %d log entries, want none", n, len(log))
	}
	st.exec(`insert into serial_policy (brand_id, model, revision, key_id, authority_id, created_by) values ('acme', 'pump', 2, '` + id + `', 'acme', '')`)
	st.load()
	if _, err := st.ask(st.Registrar, late); err != nil {
		t.Errorf("the refused request, sent again under a new policy: %v", err)
	}
	st.token.Break(registrar.ErrNoToken)
	if _, err := st.ask(st.Registrar, body()); !errors.Is(err, registrar.ErrTokenAway) || errors.Is(err, registrar.ErrNoToken) {
		t.Errorf("a token that was pulled out: %v, want ErrTokenAway", err)
	}
}

// TestRemodel lets listed devices become another model.
func TestRemodel(t *testing.T) {
	t.Parallel()
	st := newSite(t)
	ask := func(device *assertion.SigningKey, old, proposed string) (*assertion.Assertion, error) {
		changes := assertiontest.Headers{"original-brand-id": "acme", "original-model": "valve", "original-serial": old}
		if proposed != "" {
			changes["serial"] = proposed
		}
		request := assertiontest.SerialRequest("acme", "pump", st.knows.Keys.NewRequestID(st.knows.Now), device, changes)
		list, err := st.ask(st.Registrar, stream(t, request, st.model, st.brand.Serial("valve", old, device, nil)))
		if err != nil {
			return nil, err
		}
		return list[0], nil
	}
	st.exec(`insert into remodel (brand_id, from_model, to_model, from_serial, description, created_by) values ('acme', 'valve', 'pump', 'V-1', '', '')`)
	device := newDevice(t)
	serial, err := ask(device, "V-1", "")
	if err != nil || serial.HeaderString("serial") != "V-1" || serial.HeaderString("model") != "pump" {
		t.Errorf("the listed device: %v, %v, want its old serial", serial, err)
	}
	if _, err := ask(newDevice(t), "V-2", ""); !errors.Is(err, registrar.ErrRemodel) {
		t.Errorf("another device: %v, want ErrRemodel", err)
	}
	st.exec(`insert into remodel (brand_id, from_model, to_model, from_serial, description, created_by) values ('acme', 'valve', 'pump', '', '', '')`)
	serial, err = ask(newDevice(t), "V-2", "P-2")
	if err != nil || serial.HeaderString("serial") != "P-2" {
		t.Errorf("any device: %v, %v, want the proposed serial", serial, err)
	}
	serial, err = ask(device, "V-1", "P-1")
	if err != nil || serial.HeaderString("serial") != "V-1" || serial.Revision() != 1 {
		t.Errorf("the listed device again: %v, %v", serial, err)
	}
}

// TestSerialAuthority signs with the key of an account that models name.
func TestSerialAuthority(t *testing.T) {
	t.Parallel()
	st := newSite(t)
	factory := st.stack.NewAccount("factory", "other")
	st.knows.Source = assertion.NewSet(append(st.stack.Base(), factory.Account, st.brand.Account,
		st.stack.AccountKey("factory", "default", st.brand.Key, nil), st.stack.AccountKey("acme", "default", factory.Key, nil))...)
	signer := &assertiontest.Account{ID: "acme", Key: factory.Key}
	st.exec(`update serial_policy set authority_id = 'factory'`)
	st.load()
	ask := func(model *assertion.Assertion) (*assertion.Assertion, error) {
		list, err := st.ask(st.Registrar, stream(t, assertiontest.SerialRequest("acme", "pump", st.knows.Keys.NewRequestID(st.knows.Now), newDevice(t), nil), model))
		if err != nil {
			return nil, err
		}
		return list[0], nil
	}
	if _, err := ask(signer.Model("pump", nil)); !errors.Is(err, assertion.ErrWrongAuthority) {
		t.Errorf("a model that does not name the account: %v, want ErrWrongAuthority", err)
	}
	if serial, err := ask(signer.Model("pump", assertiontest.Headers{"serial-authority": []any{"factory"}})); err != nil || serial.AuthorityID() != "factory" {
		t.Errorf("a model that names the account: %v, %v", serial, err)
	}
	if n := len(st.log()); n != 1 {
		t.Errorf("%d log entries, want 1", n)
	}
}

// claims returns the headers of a request, but for its request-id: each process of a fuzzer makes another one.
func claims(a *assertion.Assertion) map[string]any {
	headers := a.Headers()
	delete(headers, "request-id")
	return headers
}

// FuzzVerify verifies bodies that differ from a good one. Only the good one may pass.
func FuzzVerify(f *testing.F) {
	st := newSite(f)
	good := st.requestOf(assertiontest.DeviceKey(), nil)
	want, err := assertion.NewDecoder(bytes.NewReader(good)).Decode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:len(good)/2])
	f.Add(append([]byte("\n"), good...))
	f.Add([]byte("type: serial-request\nbody-length: 9999999\n\n"))
	f.Fuzz(func(t *testing.T, body []byte) {
		p, err := st.knows.Verify(registrar.Request{Body: body, APIKey: "pump key"})
		if p == nil {
			t.Fatal("no proof")
		}
		if err != nil {
			return
		}
		got, err := assertion.NewDecoder(bytes.NewReader(body)).Decode()
		if err != nil || !reflect.DeepEqual(claims(got), claims(want)) {
			t.Errorf("verified: %q", body)
		}
	})
}
