package server_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"offlinestore/assertion"
	"offlinestore/internal/assertiontest"
	"offlinestore/server"
	"offlinestore/session"
	"offlinestore/snap"
)

// questions returns requests whose answers show the whole catalogue.
func questions() (list [][3]string) {
	get := func(format string, args ...any) {
		list = append(list, [3]string{"GET", fmt.Sprintf(format, args...), ""})
	}
	post := func(path, body string) { list = append(list, [3]string{"POST", path, body}) }
	for _, name := range changingNames {
		id := changingID(name)
		for _, action := range []string{
			`{"action":"install","instance-key":"i","name":%q}`, `{"action":"install","instance-key":"i","name":%q,"channel":"edge/fix"}`, `{"action":"install","instance-key":"i","name":%q,"channel":"2"}`,
			`{"action":"install","instance-key":"i","name":%q,"channel":"pilot"}`, `{"action":"install","instance-key":"i","name":%q,"revision":2}`,
		} {
			post("/v2/snaps/refresh", `{"context":[],"actions":[`+fmt.Sprintf(action, name)+`]}`)
		}
		post("/v2/snaps/refresh", `{"context":[{"snap-id":"`+id+`","instance-key":"k","revision":1,"tracking-channel":"edge","epoch":{"read":[0],"write":[0]},"validation-sets":[["16","acme","tools","1"],["16","acme","tools","2"]]},`+
			`{"snap-id":"`+changingID("jq")+`","instance-key":"j","revision":1,"tracking-channel":"stable"}],"actions":[{"action":"refresh","instance-key":"k","snap-id":"`+id+`"}]}`)
		post("/api/v1/snaps/metadata", `{"snaps":[{"snap_id":"`+id+`","channel":"stable","revision":1}]}`)
		post("/v2/cohorts", `{"snaps":["`+name+`"]}`)
		get("/v2/snaps/info/%s", name)
		get("/api/v1/snaps/details/%s?channel=edge", name)
		get("/v2/snaps/find?q=%s", name)
		get("/v2/assertions/snap-declaration/16/%s", id)
		get("/v2/assertions/model/16/acme/m-%s", name)
		get("/v2/assertions/snap-revision/%s", assertion.DigestHeader(assertiontest.BlobOf([]byte(name)).SHA3_384))
		for n := range 4 {
			get("/api/v1/snaps/download/%s_%d.snap", id, n+1)
			get("/api/v1/snaps/download/%s+docs_%d.comp", id, n+1)
		}
	}
	for n := range 3 {
		get("/icons/%s.png", digest.FromString(fmt.Sprintf("icon %d", n)).Encoded())
		get("/v2/assertions/validation-set/16/acme/tools/%d", n+1)
	}
	for _, query := range []string{"", "q=import", "q=a", "category=featured", "category=category-of-pump", "publisher=jo-doe", "common-id=com.example.pump", "name=p", "channel=edge", "channel=2/stable",
		"architecture=riscv64", "architecture=arm64&channel=stable", "confinement=classic", "architecture=wide&scope=wide"} {
		get("/v2/snaps/find?%s", query)
		get("/api/v1/snaps/search?%s&size=2", query)
	}
	for _, path := range []string{"/v2/snaps/categories", "/api/v1/snaps/sections", "/api/v1/snaps/names", "/v2/charms/find", "/v2/charms/info/pg", "/v2/charms/info/mysql?channel=stable", "/_status/check",
		"/v2/assertions/validation-set/16/acme/tools?sequence=latest", "/v2/assertions/store/acme-friend", "/v2/assertions/account-key/" + "none"} {
		get("%s", path)
	}
	return list
}

// answers returns the answers of a server to all questions of some devices.
func (s *changingStore) answers(srv *server.Server) map[string]string {
	out := make(map[string]string)
	headers := map[string][]string{"anybody": nil, "anybody on arm64": {snap.HeaderArchitecture + ": arm64"}}
	for _, store := range []string{"acme", "acme-lab", "acme-friend"} {
		m, err := session.NewKeys(deviceSecret).New(session.Device{Brand: "acme", Model: "m", Serial: "1", Store: store}, assertiontest.Time())
		if err != nil {
			s.t.Fatal(err)
		}
		headers[store] = []string{header(m)}
	}
	for who, h := range headers {
		for _, q := range questions() {
			out[who+": "+strings.Join(q[:], " ")] = dump(s.t, call(s.t, srv.Handler(), q[0], "http://store.example"+q[1], q[2], h...))
		}
	}
	for line := range strings.Lines(bodyOf(s.t, call(s.t, srv.Handler(), "GET", "/metrics", ""))) {
		if strings.Contains(line, "catalog_entries") {
			name, value, _ := strings.Cut(line, "} ")
			out[name] = value
		}
	}
	return out
}

// TestChangesAtRandom compares a server that follows the changes of a store with one that loads the whole catalogue, and with one that is given
// a snapshot: all give the same answers.
func TestChangesAtRandom(t *testing.T) {
	t.Parallel()
	runs, steps := 4, 60
	if testing.Short() {
		runs, steps = 1, 15
	}
	base := uint64(time.Now().UnixNano())
	for run := range uint64(runs) {
		t.Run(fmt.Sprint(run), func(t *testing.T) {
			t.Parallel()
			s := newChangingStore(t, base+run)
			s.load(s.follower)
			for range steps {
				for range 1 + s.r.IntN(3) {
					s.step()
				}
				s.compare()
				if t.Failed() {
					t.Fatalf("seed %d, after\n%s", base+run, strings.Join(s.done, "\n"))
				}
			}
			if s.wholes > 2 { // the first import makes the store another one
				t.Errorf("the follower has loaded the whole catalogue %d times", s.wholes)
			}
		})
	}
}

func (s *changingStore) compare() {
	s.t.Helper()
	time.Sleep(time.Duration(s.r.IntN(2)) * 100 * time.Millisecond) // holds may end
	before := s.holds()
	if s.load(s.follower) {
		s.wholes++
	}
	whole := s.newServer("")
	s.load(whole)
	c, err := s.reader.LoadSnapshot(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	fixed := s.newServer("")
	if err := fixed.SetSnapshot(c); err != nil {
		s.t.Fatal(err)
	}
	want := s.answers(whole)
	if !slices.Equal(before, s.holds()) {
		return // a hold has ended meanwhile
	}
	for name, srv := range map[string]*server.Server{"the follower": s.follower, "a snapshot": fixed} {
		got := s.answers(srv)
		for q, answer := range want {
			if diff := gocmp.Diff(answer, got[q]); diff != "" {
				s.t.Errorf("%s: %s (-whole +%s)\n%s", name, q, name, diff)
			}
		}
	}
}

// holds returns the holds in force.
func (s *changingStore) holds() (ids []string) {
	s.t.Helper()
	list, err := s.db.Holds(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	for _, h := range list {
		ids = append(ids, string(h.Kind)+h.ID)
	}
	return ids
}
