package gateway_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"offlinestore/server/gateway/api"
)

// TestSerialLog reads a log in pages.
func TestSerialLog(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	conn, err := pgx.Connect(t.Context(), s.dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	const add = `
		insert into serial_log (brand_id, model, serial, revision, device_key, key_id, policy, origin, signed_at, request, assertion)
		select $1, 'pump', 's' || n % 10, n / 10, 'device', 'key', 1, '192.0.2.7', timestamptz '2026-11-01T00:00:00Z' + n * interval '1 hour', 'request ' || n, 'serial ' || n
		from generate_series(0, 99) n`
	if _, err := conn.Exec(t.Context(), add, brand); err != nil {
		t.Fatal(err)
	}
	path := inBrand + "/model/pump/serial-log"
	if got := s.readLog(path, "page-size=7"); len(got) != 100 || !slices.IsSortedFunc(got, func(a, b api.SerialLogItem) int { return b.CreatedAt.Compare(a.CreatedAt) }) {
		t.Errorf("%d items, want 100, the newest first", len(got))
	}
	if got := s.readLog(path, "page-size=50"); len(got) != 100 {
		t.Errorf("%d items in two full pages, want 100", len(got))
	}
	window := s.readLog(path, "page-size=3&start-time=2026-11-02T00:00:00.00&end-time=2026-11-02T06:00:00%2B01:00")
	if len(window) != 5 || window[0].RemoteAddress != "192.0.2.7" || window[0].SerialAssertion != "" {
		t.Errorf("%d items in the window: %+v; want the 5 hours from midnight to 5 UTC, without assertions", len(window), window)
	}
	if got := s.readLog(inBrand+"/model/valve/serial-log", ""); len(got) != 0 {
		t.Errorf("another model has a log: %v", got)
	}
	one := inBrand + "/model/pump/serial/s3/serial-log"
	got := s.readLog(one, "page-size=4&include-serial-assertion=true&include-serial-request-assertion=true")
	if len(got) != 10 || got[0].Serial != "s3" || got[0].Revision != 9 || got[0].SerialAssertion != "serial 93" || got[0].SerialRequestAssertion != "request 93" {
		t.Errorf("log of a device: %+v", got)
	}
	if got := s.readLog(one, "include-serial-assertion=true"); got[0].SerialAssertion == "" || got[0].SerialRequestAssertion != "" {
		t.Errorf("with the serial alone: %+v", got[0])
	}
}

// readLog reads all pages.
func (s *store) readLog(path, query string) (all []api.SerialLogItem) {
	s.t.Helper()
	for cursor := ""; ; {
		var page api.SerialLog
		s.want(200, &page, viewer, "GET", path+"?"+query+cursor, nil)
		if page.Items == nil {
			s.t.Fatal("the items are null")
		}
		all = append(all, page.Items...)
		if page.NextCursor == nil {
			return all
		}
		cursor = "&cursor=" + url.QueryEscape(*page.NextCursor)
	}
}

// TestRemodels adds, reads, describes and deletes entries of the allow-list.
func TestRemodels(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	s.addModel("pump")
	s.addModel("pump-2")
	path := inBrand + "/remodel-allowlist"
	serial := func(n int) *string { text := fmt.Sprintf("serial %02d", n); return &text }
	var req api.RemodelRequest
	for n := range 25 {
		req.Allowlist = append(req.Allowlist, api.RemodelEntry{FromModel: "pump", ToModel: "pump-2", FromSerial: serial(n)})
	}
	req.Allowlist = append(req.Allowlist, api.RemodelEntry{FromModel: "old", ToModel: "pump", Description: "all of them"})
	var answer api.RemodelAllowlist
	if s.want(201, &answer, modeller, "POST", path, req); len(answer.Allowlist) != 26 || answer.Allowlist[25].CreatedBy != modeller {
		t.Errorf("added %+v", answer)
	}
	var all []api.Remodel
	for cursor := ""; ; {
		var page api.RemodelAllowlist
		s.want(200, &page, viewer, "GET", path+"?page-size=10"+cursor, nil)
		all = append(all, page.Allowlist...)
		if page.NextCursor == nil {
			break
		}
		cursor = "&cursor=" + *page.NextCursor
	}
	if len(all) != 26 || all[0].FromModel != "old" || all[0].FromSerial != nil || all[1].FromSerial == nil {
		t.Errorf("list = %+v", all)
	}
	for query, want := range map[string]int{"from-model=pump": 25, "to-model=pump": 1, "from-model=old&to-model=pump-2": 0} {
		if s.want(200, &answer, viewer, "GET", path+"?"+query, nil); len(answer.Allowlist) != want {
			t.Errorf("%s: %d entries, want %d", query, len(answer.Allowlist), want)
		}
	}
	change := api.RemodelRequest{Allowlist: []api.RemodelEntry{{FromModel: "old", ToModel: "pump", Description: "in spring"}}}
	if s.want(200, &answer, modeller, "PATCH", path, change); answer.Allowlist[0].Description != "in spring" || answer.Allowlist[0].ModifiedAt == nil {
		t.Errorf("changed = %+v", answer)
	}
	if s.want(200, &answer, modeller, "POST", path+"/delete", change); len(answer.Allowlist) != 1 {
		t.Errorf("deleted = %+v", answer)
	}
	s.want(204, nil, modeller, "DELETE", inBrand+"/model/pump-2", nil)
	if s.want(200, &answer, viewer, "GET", path, nil); len(answer.Allowlist) != 0 {
		t.Errorf("the model has gone, and its entries stay: %+v", answer)
	}
	if status, text := s.call(viewer, "GET", path, nil); status != 200 || strings.TrimSpace(string(text)) != `{"allowlist":[],"next-cursor":null}` {
		t.Errorf("an empty list = %s", text)
	}
}
