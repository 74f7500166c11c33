package edge

import (
	"bytes"
	"errors"
	"io"
	"net/http"

	"offlinestore/snap"
	"offlinestore/transfer"
)

// maxRefresh bounds the body of a request for refreshes, in bytes.
const maxRefresh = 4 << 20

// refresh passes a request for revisions, with the overrides applied, and notes the revisions in the answer.
func (e *Edge) refresh(w http.ResponseWriter, r *http.Request) {
	st := e.state.Load()
	if e.refuseOwnSession(w, r, st) {
		return
	}
	body, ok := readRequest(w, r)
	if !ok {
		return
	}
	device := deviceOf(r)
	pins := e.overrides.Load().apply(body, device.arch)
	setBody(r, pins.body)
	change := func(resp *http.Response, answer []byte) ([]byte, error) {
		if resp.StatusCode != http.StatusOK {
			return answer, nil
		}
		s := newScan(pins.restore(answer))
		e.releases.note(s, device)
		return e.replaceAddresses(r, st, s), nil
	}
	instead := func(w http.ResponseWriter) bool {
		return e.refreshStale(w, r, st, body, device) || e.importsInstead(w, r, body)
	}
	e.passJSON(w, r, &exchange{state: st, to: st.upstream, change: change, instead: instead})
}

// metadata passes a request of snapd before 2.34 for revisions. Overrides are not applied to it.
func (e *Edge) metadata(w http.ResponseWriter, r *http.Request) {
	st := e.state.Load()
	body, ok := readRequest(w, r)
	if !ok {
		return
	}
	setBody(r, body)
	change := func(resp *http.Response, answer []byte) ([]byte, error) {
		return e.replaceAddresses(r, st, newScan(answer)), nil
	}
	e.passJSON(w, r, &exchange{state: st, to: st.upstream, change: change})
}

// refreshCharms passes a request of Juju for revisions.
func (e *Edge) refreshCharms(w http.ResponseWriter, r *http.Request) {
	st := e.state.Load()
	body, ok := readRequest(w, r)
	if !ok {
		return
	}
	setBody(r, body)
	names := instanceKeys(body)
	key := "POST " + r.URL.RequestURI() + " " + string(names.hide(body))
	change := func(resp *http.Response, answer []byte) ([]byte, error) {
		if resp.StatusCode != http.StatusOK {
			return answer, nil
		}
		e.answers.put(key, newAnswer(resp, names.hide(answer), e.cfg.Now()))
		e.charms.note(r, body, answer, e.cfg.Now())
		return e.replaceAddresses(r, st, newScan(answer)), nil
	}
	instead := func(w http.ResponseWriter) bool {
		a := e.answers.get(key, st.StaleIfError)
		if a == nil {
			return e.importsInstead(w, r, body)
		}
		shown := *a
		shown.body = names.show(a.body)
		e.writeAnswer(w, r, st, listKind, &shown)
		return true
	}
	e.passJSON(w, r, &exchange{state: st, to: st.charmhub, change: change, instead: instead})
}

// readRequest reads the body of a request, or answers it with an error.
func readRequest(w http.ResponseWriter, r *http.Request) ([]byte, bool) {
	body, err := transfer.ReadBody(w, r, maxRefresh, make([]byte, 0, 8<<10))
	var tooLarge *http.MaxBytesError
	switch {
	case err == nil:
		return body, true
	case errors.Is(err, transfer.ErrBusy):
		w.Header().Set("Retry-After", "5")
		fail(w, http.StatusServiceUnavailable, codeUnavailable, "this store is busy")
	case errors.As(err, &tooLarge):
		fail(w, http.StatusRequestEntityTooLarge, codeTooLarge, "the request is too large")
	default:
		fail(w, http.StatusBadRequest, codeBadRequest, "the request ended early")
	}
	return nil, false
}

// heldBody is the body of a request that was read.
type heldBody struct {
	*bytes.Reader
	text []byte
}

// Close implements [io.Closer].
func (heldBody) Close() error { return nil }

// setBody gives a request a body that was read.
func setBody(r *http.Request, body []byte) {
	r.Body = heldBody{bytes.NewReader(body), body}
	r.ContentLength = int64(len(body))
	r.TransferEncoding = nil
}

// passBody gives the request to upstream a body that was read, in a form that net/http knows. Then it writes the body together with the header,
// and writes both again on another connection if upstream has just closed an idle one.
func passBody(to *http.Request, body io.Reader) {
	held, ok := body.(heldBody)
	if !ok || len(held.text) == 0 {
		return
	}
	to.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(held.text)), nil }
	to.Body, _ = to.GetBody() // never fails
}

// device describes the sender of a request, as far as an answer depends on it.
type device struct{ arch, store string }

func deviceOf(r *http.Request) device {
	return device{r.Header.Get(snap.HeaderArchitecture), r.Header.Get(snap.HeaderStore)}
}
