package edge

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"offlinestore/snap"
	"offlinestore/transfer"
)

const headerVersion = snap.HeaderStoreVersion

// kind is a kind of short answers that are kept.
type kind struct {
	// fresh is the age up to which an answer is given without asking upstream.
	fresh time.Duration
	// isPublic is set if the answer depends on nothing but the URL.
	isPublic bool
	// isJSON is set if the answer is JSON, in which addresses are replaced.
	isJSON bool
}

var (
	assertionKind = &kind{fresh: 5 * time.Minute, isPublic: true}
	infoKind      = &kind{fresh: 30 * time.Second, isJSON: true}
	listKind      = &kind{fresh: time.Minute, isJSON: true}
)

// kindOf returns the kind of the answers of a path, or nil if they are not kept.
func kindOf(path string) *kind {
	switch {
	case strings.HasPrefix(path, "/v2/assertions/"), strings.HasPrefix(path, "/api/v1/snaps/assertions/"):
		return assertionKind
	case strings.HasPrefix(path, "/api/v1/snaps/details/"), strings.HasPrefix(path, "/v2/charms/info/"), strings.HasPrefix(path, "/v2/charms/resources/"):
		return infoKind
	case path == "/v2/snaps/find", path == "/v2/snaps/categories", path == "/api/v1/snaps/sections", path == "/api/v1/snaps/search",
		path == "/v2/charms/find", path == "/v2/charms/categories":
		return listKind
	}
	return nil
}

// shaping are the headers of a request that its answer depends on.
var shaping = []string{"Accept", snap.HeaderArchitecture, "X-Ubuntu-Architecture", snap.HeaderSeries, "X-Ubuntu-Series", "Snap-Classic", "X-Ubuntu-Classic"}

// identifying are the headers with the credentials of a client. An answer with something private in it is kept for them alone.
var identifying = []string{"Authorization", snap.HeaderDeviceAuthorization, "X-Device-Authorization", snap.HeaderStore, "X-Ubuntu-Store"}

// answerKeys returns the key of a request's answer for everybody, and the one for the client alone. A client that names a store, or logs in,
// shares with nobody.
func (k *kind) answerKeys(r *http.Request) (shared, own string) {
	shared = r.URL.RequestURI()
	if k.isPublic {
		return shared, shared
	}
	h := sha256.New()
	for _, name := range shaping {
		h.Write([]byte(name + "\x00" + r.Header.Get(name) + "\x00"))
	}
	shared += " " + hex.EncodeToString(h.Sum(nil)[:16])
	for _, name := range identifying {
		for _, v := range r.Header.Values(name) {
			h.Write([]byte(name + "\x00" + v + "\x00"))
		}
	}
	own = shared + " " + hex.EncodeToString(h.Sum(nil)[:16])
	if r.Header.Get("Authorization") != "" || r.Header.Get(snap.HeaderStore) != "" || r.Header.Get("X-Ubuntu-Store") != "" {
		shared = own
	}
	return shared, own
}

// find returns a kept answer to a request.
func (e *Edge) find(shared, own string, age time.Duration) *answer {
	if a := e.answers.get(own, age); a != nil || own == shared {
		return a
	}
	return e.answers.get(shared, age)
}

// keep answers with a kept answer, or passes the request and keeps what upstream answers.
func (e *Edge) keep(w http.ResponseWriter, r *http.Request, k *kind) {
	st := e.state.Load()
	if e.refuseOwnSession(w, r, st) {
		return
	}
	shared, own := k.answerKeys(r)
	if a := e.find(shared, own, k.fresh); a != nil {
		e.metrics.requests.WithLabelValues(outcomeKept).Inc()
		e.writeAnswer(w, r, st, k, a)
		return
	}
	change := func(resp *http.Response, body []byte) ([]byte, error) {
		isPrivate, ok := k.validate(resp, body)
		if !ok {
			return nil, errNotStore
		}
		key := shared
		if isPrivate {
			key = own
		}
		e.answers.put(key, newAnswer(resp, body, e.cfg.Now()))
		e.metrics.requests.WithLabelValues(outcomePassed).Inc()
		return e.render(r, st, k, resp.StatusCode, body), nil
	}
	instead := func(w http.ResponseWriter) bool {
		a := e.find(shared, own, st.StaleIfError)
		if a == nil {
			return e.importsInstead(w, r, nil)
		}
		w.Header().Set("Warning", `110 - "upstream does not answer, and this answer is kept"`)
		e.writeAnswer(w, r, st, k, a)
		return true
	}
	e.send(w, r, &exchange{state: st, to: st.target(r), change: change, instead: instead})
}

// validate reports whether an answer can be the store's, and whether it has something private in it.
func (k *kind) validate(resp *http.Response, body []byte) (isPrivate, ok bool) {
	if resp.StatusCode != http.StatusOK || k.isJSON {
		return bytes.Contains(body, []byte(`"private"`)) && newScanIfValid(body).isPrivate, json.Valid(body)
	}
	return false, bytes.HasPrefix(body, []byte("type: "))
}

func newScanIfValid(body []byte) *scan {
	if !json.Valid(body) {
		return &scan{}
	}
	return newScan(body)
}

// render returns the body of an answer for a client.
func (e *Edge) render(r *http.Request, st *state, k *kind, status int, body []byte) []byte {
	if !k.isJSON || status != http.StatusOK {
		return body
	}
	if k == infoKind {
		body = e.overrideInfo(r, st, body)
	}
	return e.replaceAddresses(r, st, newScan(body))
}

// replaceAddresses returns the text of an answer with the edge's addresses.
func (e *Edge) replaceAddresses(r *http.Request, st *state, s *scan) []byte {
	origin := e.cfg.Origin(r)
	if origin == "" {
		return s.text
	}
	return s.apply(func(x edit) string {
		if x.isWhole() {
			return e.describeImage(r, st, origin, x.file)
		}
		if x.file != nil {
			return e.linkURL(st, origin, x.file)
		}
		if rest, ok := strings.CutPrefix(s.value(x.at), st.origin+"/"); ok {
			return origin + "/" + rest
		}
		return ""
	})
}

// writeAnswer answers with a kept answer.
func (e *Edge) writeAnswer(w http.ResponseWriter, r *http.Request, st *state, k *kind, a *answer) {
	h := w.Header()
	if a.Version != "" {
		h.Set(headerVersion, a.Version)
	}
	h.Set("Age", strconv.Itoa(int(e.cfg.Now().Sub(a.At).Seconds())))
	transfer.WriteText(w, a.Status, a.Type, e.render(r, st, k, a.Status, a.body))
}
