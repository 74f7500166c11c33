package catalog_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"offlinestore/catalog"
)

// serialCalls calls each method about serials.
func serialCalls(ctx context.Context, db *catalog.DB, r *catalog.Reader) map[string]func() error {
	id, w := requestID(1), catalog.SerialWish{}
	return map[string]func() error{
		"DB.SerialLog":                func() error { _, err := db.SerialLog(ctx, catalog.SerialLogQuery{}); return err },
		"Reader.DropSerialRequest":    func() error { return r.DropSerialRequest(ctx, id) },
		"Reader.ForgetSerialRequests": func() error { return r.ForgetSerialRequests(ctx, time.Now()) },
		"Reader.KeepSerialRequests":   func() error { return r.KeepSerialRequests(ctx, nil, time.Now()) },
		"Reader.PlanSerial":           func() error { _, err := r.PlanSerial(ctx, id, w); return err },
		"Reader.PollSerialRequest":    func() error { _, err := r.PollSerialRequest(ctx, id, true); return err },
		"Reader.RecordSerials":        func() error { _, err := r.RecordSerials(ctx, []catalog.SerialRecord{{}}); return err },
		"Reader.RepeatSerial":         func() error { _, err := r.RepeatSerial(ctx, id, 1, true); return err },
		"Reader.TakeSerialRequest":    func() error { _, err := r.TakeSerialRequest(ctx, id, w, time.Now()); return err },
	}
}

// serialTables makes a catalogue with device models, and opens it with the role of a server.
func serialTables(t *testing.T) (s *catalog.DB, dsn string, r *catalog.Reader) {
	t.Helper()
	s, dsn = open(t)
	role := databaseOf(t, dsn) + "_server"
	if err := s.CreateServerRole(t.Context(), role); err != nil {
		t.Fatal(err)
	}
	dropRole(t, dsn, role)
	exec(t, dsn, `
		insert into signing_key (id, brand_id, name, fingerprint, created_by, modified_by) values ('k1', 'acme', 'one', '', '', ''), ('k2', 'acme', 'two', '', '', '');
		insert into device_model (brand_id, name, series, api_key, created_by, modified_by) values
			('acme', 'pump', '16', 'secret', '', ''), ('acme', 'Valve', '16', '', '', ''), ('Zeta', 'pump', '16', '', '', '');
		insert into serial_policy (brand_id, model, revision, key_id, authority_id, created_by) values
			('acme', 'pump', 1, 'k2', 'acme', ''), ('acme', 'pump', 2, 'k1', 'other', ''), ('Zeta', 'pump', 7, 'k2', 'Zeta', '');
		insert into remodel (brand_id, from_model, to_model, from_serial, description, created_by) values
			('acme', 'valve', 'pump', '', '', ''), ('acme', 'tap', 'pump', 't-1', '', '')`)
	return s, dsn, openReader(t, asRole(t, dsn, role))
}

func requestID(n int) catalog.SerialRequestID {
	return catalog.SerialRequestID{ID: fmt.Appendf(nil, "id %d", n), Sum: sha256.Sum256(fmt.Append(nil, n))}
}

func entryOf(w catalog.SerialWish, p catalog.SerialPlan) catalog.SerialLogEntry {
	return catalog.SerialLogEntry{BrandID: w.BrandID, Model: w.Model, Serial: p.Serial, Revision: p.Revision, DeviceKey: w.DeviceKey, KeyID: "k1", Policy: p.Policy,
		Origin: "192.0.2.1", Request: "request", Assertion: fmt.Sprintf("serial %s %d of %s", p.Serial, p.Revision, w.DeviceKey)}
}

// errNotRecorded reports a serial that was not recorded.
var errNotRecorded = errors.New("not recorded")

func record(t *testing.T, r *catalog.Reader, id catalog.SerialRequestID, e catalog.SerialLogEntry, delivered bool) error {
	recorded, err := r.RecordSerials(t.Context(), []catalog.SerialRecord{{Request: id, Entry: e, Delivered: delivered}})
	if err == nil && !recorded[0] {
		err = errNotRecorded
	}
	return err
}

func TestDeviceModelsInSnapshot(t *testing.T) {
	t.Parallel()
	s, _, r := serialTables(t)
	want := []catalog.ModelPolicy{
		{BrandID: "Zeta", Model: "pump", Revision: 7, KeyID: "k2", AuthorityID: "Zeta"},
		{BrandID: "acme", Model: "Valve"},
		{BrandID: "acme", Model: "pump", APIKey: "secret", Revision: 2, KeyID: "k1", AuthorityID: "other"},
	}
	diff(t, "models", load(t, s).DeviceModels, want)
	diff(t, "models of a server's role", load(t, r).DeviceModels, want)
}

// TestSerials gives serials to devices that would like to have the same one, and again to one of them.
func TestSerials(t *testing.T) {
	t.Parallel()
	s, dsn, r := serialTables(t)
	until := time.Now().Add(time.Hour)
	take := func(n int, w catalog.SerialWish) catalog.SerialPlan {
		t.Helper()
		got, err := r.TakeSerialRequest(t.Context(), requestID(n), w, until)
		if err != nil || !got.Mine {
			t.Fatalf("request %d: %+v, %v", n, got, err)
		}
		return got.Plan
	}
	first := catalog.SerialWish{BrandID: "acme", Model: "pump", DeviceKey: "d1", Names: []string{"s1"}}
	p := take(1, first)
	diff(t, "plan", p, catalog.SerialPlan{Serial: "s1", Policy: 2, KeyID: "k1", Waits: true})
	if err := record(t, r, requestID(1), entryOf(first, p), true); err != nil {
		t.Fatal(err)
	}
	second := catalog.SerialWish{BrandID: "acme", Model: "pump", DeviceKey: "d2", Names: []string{"s1", "s2", "s3"}, FromModel: "valve", FromSerial: "v-1"}
	p = take(2, second)
	diff(t, "plan of another device", p, catalog.SerialPlan{Serial: "s2", Policy: 2, KeyID: "k1", MayRemodel: true, Waits: true})
	for name, bad := range map[string]func(*catalog.SerialLogEntry){
		"the serial of another device": func(e *catalog.SerialLogEntry) { e.Serial, e.Revision = "s1", 1 },
		"an older policy":              func(e *catalog.SerialLogEntry) { e.Policy = 1 },
		"another key":                  func(e *catalog.SerialLogEntry) { e.KeyID = "k2" },
		"an unknown model":             func(e *catalog.SerialLogEntry) { e.Model = "tap" },
		"another serial of the device": func(e *catalog.SerialLogEntry) { e.DeviceKey = "d1" },
	} {
		e := entryOf(second, p)
		bad(&e)
		if err := record(t, r, requestID(2), e, true); !errors.Is(err, errNotRecorded) {
			t.Errorf("%s: %v, want errNotRecorded", name, err)
		}
	}
	for model, want := range map[string]bool{"tap": false, "valve": true} {
		recorded, err := r.RecordSerials(t.Context(), []catalog.SerialRecord{{Request: requestID(2), Entry: entryOf(second, p), FromModel: model, FromSerial: "v-1"}})
		if err != nil || recorded[0] != want {
			t.Errorf("a device that was a %s: recorded: %v, %v, want %t", model, recorded, err, want)
		}
	}
	if err := record(t, r, requestID(2), entryOf(second, p), false); !errors.Is(err, errNotRecorded) {
		t.Errorf("a second answer to a request: %v, want errNotRecorded", err)
	}
	first.Names = []string{"s4"}
	p = take(3, first)
	diff(t, "plan of the first device", p, catalog.SerialPlan{Serial: "s1", Revision: 1, Policy: 2, KeyID: "k1", Waits: true})
	if err := record(t, r, requestID(3), entryOf(first, p), true); err != nil {
		t.Fatal(err)
	}
	list, err := s.SerialLog(t.Context(), catalog.SerialLogQuery{BrandID: "acme", Model: "pump", Limit: 2})
	if err != nil || len(list) != 2 || list[0].Assertion != "serial s1 1 of d1" || list[1].Assertion != "serial s2 0 of d2" || list[0].SignedAt.IsZero() {
		t.Errorf("the log is %+v, %v", list, err)
	}
	rest, err := s.SerialLog(t.Context(), catalog.SerialLogQuery{BrandID: "acme", Model: "pump", Serial: "s1", Before: list[1].ID, Start: monday, End: until, Limit: 2})
	if err != nil || len(rest) != 1 || rest[0].Assertion != "serial s1 0 of d1" {
		t.Errorf("the rest of the log is %+v, %v", rest, err)
	}
	conn := connect(t, dsn)
	var trail string
	const q = `select string_agg(content::json ->> 'what' || ' ' || (content::json ->> 'subject') || ' from ' || (content::json ->> 'from'), '; ' order by number) from audit`
	if err := conn.QueryRow(t.Context(), q).Scan(&trail); err != nil {
		t.Fatal(err)
	}
	diff(t, "audit trail", trail, "issue-serial acme/pump/s1 from 192.0.2.1; issue-serial acme/pump/s2 from 192.0.2.1; issue-serial acme/pump/s1 from 192.0.2.1")
}

// TestSerialRequests polls requests in each state.
func TestSerialRequests(t *testing.T) {
	t.Parallel()
	_, dsn, r := serialTables(t)
	until := time.Now().Add(time.Hour)
	w := catalog.SerialWish{BrandID: "acme", Model: "pump", DeviceKey: "d1", Names: []string{"s1"}}
	id := requestID(1)
	if _, err := r.PollSerialRequest(t.Context(), id, true); !errors.Is(err, catalog.ErrNoRequest) {
		t.Errorf("a poll of nothing: %v, want ErrNoRequest", err)
	}
	taken, err := r.TakeSerialRequest(t.Context(), id, w, until)
	if err != nil || !taken.Mine {
		t.Fatalf("%+v, %v", taken, err)
	}
	if got, err := r.TakeSerialRequest(t.Context(), id, w, until); err != nil || got.Mine || got.Assertion != "" {
		t.Errorf("the same request: %+v, %v, want to wait", got, err)
	}
	other := catalog.SerialRequestID{ID: id.ID}
	if _, err := r.TakeSerialRequest(t.Context(), other, w, until); !errors.Is(err, catalog.ErrRequestUsed) {
		t.Errorf("another request with the ID: %v, want ErrRequestUsed", err)
	}
	exec(t, dsn, `update serial_request set changed_at = now() - interval '1 hour'`)
	if err := r.KeepSerialRequests(t.Context(), [][]byte{id.ID}, until); err != nil {
		t.Fatal(err)
	}
	if got, err := r.PollSerialRequest(t.Context(), id, true); err != nil || got.Mine {
		t.Errorf("a request that was kept: %+v, %v, want to wait", got, err)
	}
	exec(t, dsn, `update serial_request set changed_at = now() - interval '1 hour'`)
	for _, want := range []bool{true, false} {
		if got, err := r.PollSerialRequest(t.Context(), id, true); err != nil || got.Mine != want {
			t.Errorf("an abandoned request: %+v, %v, want mine: %t", got, err, want)
		}
	}
	if err := record(t, r, id, entryOf(w, taken.Plan), false); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the first answer may get lost
		if got, err := r.PollSerialRequest(t.Context(), id, true); err != nil || got.Assertion != "serial s1 0 of d1" || got.Mine {
			t.Errorf("a poll: %+v, %v", got, err)
		}
	}
	if _, err := r.PollSerialRequest(t.Context(), other, true); !errors.Is(err, catalog.ErrRequestUsed) {
		t.Errorf("another request with the ID of an answered one: %v, want ErrRequestUsed", err)
	}
	if err := r.ForgetSerialRequests(t.Context(), until.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := r.PollSerialRequest(t.Context(), id, true); !errors.Is(err, catalog.ErrNoRequest) {
		t.Errorf("a poll of a forgotten request: %v, want ErrNoRequest", err)
	}
}

// TestSerialsAtOnce lets servers record serials of devices that all want the same one.
func TestSerialsAtOnce(t *testing.T) {
	t.Parallel()
	s, _, r := serialTables(t)
	const devices, servers = 10, 2
	var wg sync.WaitGroup
	for i := range devices * servers {
		wg.Go(func() {
			w := catalog.SerialWish{BrandID: "acme", Model: "pump", DeviceKey: fmt.Sprint("d", i/servers), Names: []string{"s"}}
			taken, err := r.TakeSerialRequest(t.Context(), requestID(i), w, time.Now().Add(time.Hour))
			for p := taken.Plan; err == nil; p, err = r.PlanSerial(t.Context(), requestID(i), w) {
				if p.Serial == "" {
					p.Serial = fmt.Sprint("own ", i)
				}
				err := record(t, r, requestID(i), entryOf(w, p), true)
				if err == nil {
					return
				}
				if !errors.Is(err, errNotRecorded) && !errors.Is(err, catalog.ErrSerialConflict) {
					t.Error(err)
					return
				}
			}
			t.Error(err)
		})
	}
	wg.Wait()
	list, err := s.SerialLog(t.Context(), catalog.SerialLogQuery{BrandID: "acme", Model: "pump", Limit: 100})
	if err != nil || len(list) != devices*servers {
		t.Fatalf("%d serials, %v, want %d", len(list), err, devices*servers)
	}
	keys, serials := make(map[string]string), make(map[string]string)
	for _, e := range list {
		if was, ok := keys[e.DeviceKey]; ok && was != e.Serial {
			t.Errorf("the device %s has the serials %s and %s", e.DeviceKey, was, e.Serial)
		}
		if was, ok := serials[e.Serial]; ok && was != e.DeviceKey {
			t.Errorf("the serial %s is of the devices %s and %s", e.Serial, was, e.DeviceKey)
		}
		keys[e.DeviceKey], serials[e.Serial] = e.Serial, e.DeviceKey
	}
	if len(keys) != devices || serials["s"] == "" {
		t.Errorf("serials %v", serials)
	}
}
