package edge

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"time"

	"offlinestore/transfer"
)

const (
	// maxPassed bounds the body of a request that passes, and maxAnswer an answer that is changed on its way, in bytes.
	maxPassed = 32 << 20
	maxAnswer = 16 << 20
	// answerTimeout is the time for an answer that is changed or kept. snapd waits for ten seconds.
	answerTimeout = time.Minute
	// stallTimeout is the time without a byte after which an answer that passes is cut.
	stallTimeout = time.Minute
)

// exchange is a request on its way through the proxy.
type exchange struct {
	state *state
	to    *url.URL
	// change changes the whole body of an answer of success, or of one that says that there is nothing; nil lets answers pass as they are.
	change func(resp *http.Response, body []byte) ([]byte, error)
	// instead answers when upstream does not, and reports whether it did; nil has nothing.
	instead func(w http.ResponseWriter) bool
	// noRedirect refuses answers that lead elsewhere.
	noRedirect bool
	client     *http.Request
	cancel     context.CancelFunc
}

type exchangeKey struct{}

// send passes a request on, and its answer back.
func (e *Edge) send(w http.ResponseWriter, r *http.Request, x *exchange) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	if x.change != nil {
		ctx, cancel = context.WithTimeout(ctx, answerTimeout)
		defer cancel()
	}
	x.client, x.cancel = r, cancel
	e.proxy.ServeHTTP(w, r.WithContext(context.WithValue(ctx, exchangeKey{}, x)))
}

// pass lets a request pass as it is.
func (e *Edge) pass(w http.ResponseWriter, r *http.Request) {
	st := e.state.Load()
	if r.ContentLength > maxPassed {
		fail(w, http.StatusRequestEntityTooLarge, codeTooLarge, "the request is too large to pass")
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxPassed)
	e.send(w, r, &exchange{state: st, to: st.target(r)})
}

// passJSON passes a request whose body was read. An answer that is no JSON is not the store's.
func (e *Edge) passJSON(w http.ResponseWriter, r *http.Request, x *exchange) {
	change := x.change
	x.change = func(resp *http.Response, answer []byte) ([]byte, error) {
		if !json.Valid(answer) {
			return nil, errNotStore
		}
		e.metrics.requests.WithLabelValues(outcomePassed).Inc()
		return change(resp, answer)
	}
	e.send(w, r, x)
}

// target returns the store upstream that a request is for.
func (st *state) target(r *http.Request) *url.URL {
	if strings.HasPrefix(r.URL.Path, "/v2/charms/") || strings.HasPrefix(r.URL.Path, "/api/v1/charms/") {
		return st.charmhub
	}
	return st.upstream
}

func (e *Edge) newProxy() *httputil.ReverseProxy {
	e.buffers.New = func() any {
		b := make([]byte, 32<<10)
		return &b
	}
	return &httputil.ReverseProxy{
		Rewrite:        e.rewriteRequest,
		Transport:      roundTripper{e},
		ModifyResponse: e.modifyAnswer,
		ErrorHandler:   e.answerError,
		BufferPool:     e,
		FlushInterval:  -1,
		ErrorLog:       slog.NewLogLogger(e.cfg.Logger.Handler(), slog.LevelDebug),
	}
}

// Get returns a buffer: an Edge is the [httputil.BufferPool] of its proxy.
func (e *Edge) Get() []byte { return *e.buffers.Get().(*[]byte) }

// Put takes back a buffer of Get.
func (e *Edge) Put(b []byte) { e.buffers.Put(&b) }

// roundTripper sends requests by the transport of their state.
type roundTripper struct{ e *Edge }

// RoundTrip implements [http.RoundTripper].
func (t roundTripper) RoundTrip(r *http.Request) (*http.Response, error) {
	return r.Context().Value(exchangeKey{}).(*exchange).state.transport.RoundTrip(r)
}

// private are the headers that are for this host only. httputil drops the headers of one hop, and the ones about clients.
var private = []string{"Cookie", "Via", "X-Real-Ip", "X-Forwarded-Port", "X-Forwarded-Server", "Upgrade"}

// rewriteRequest makes the request to upstream.
func (e *Edge) rewriteRequest(p *httputil.ProxyRequest) {
	x := p.In.Context().Value(exchangeKey{}).(*exchange)
	p.Out.URL.Scheme, p.Out.URL.Host, p.Out.Host = x.to.Scheme, x.to.Host, x.to.Host
	base := strings.TrimSuffix(x.to.Path, "/")
	p.Out.URL.Path = base + p.In.URL.Path
	if p.In.URL.RawPath != "" {
		p.Out.URL.RawPath = strings.TrimSuffix(x.to.EscapedPath(), "/") + p.In.URL.RawPath
	}
	p.Out.URL.RawQuery = p.In.URL.RawQuery
	passBody(p.Out, p.In.Body)
	h := p.Out.Header
	for _, name := range private {
		delete(h, name)
	}
	e.dropOwnToken(h, x.state)
	if x.change != nil {
		delete(h, "Range")
		if strings.Contains(h.Get("Accept-Encoding"), "gzip") {
			h.Set("Accept-Encoding", "gzip")
		} else { // an error passes as it is
			h.Set("Accept-Encoding", "identity")
		}
	}
}

// errUnavailable means that upstream answered with an error of its own, after which a kept answer is better.
var errUnavailable = errors.New("upstream is not available")

// modifyAnswer changes an answer of upstream.
func (e *Edge) modifyAnswer(resp *http.Response) error {
	x := resp.Request.Context().Value(exchangeKey{}).(*exchange)
	if resp.StatusCode >= 500 && x.instead != nil {
		return fmt.Errorf("%w: %s", errUnavailable, resp.Status)
	}
	if e.metrics.answered(e.cfg.Now()) {
		e.cfg.Logger.Info("upstream answers again", "host", x.to.Host)
	}
	if resp.StatusCode == http.StatusSwitchingProtocols {
		return errors.New("upstream wants another protocol")
	}
	if x.noRedirect && resp.StatusCode/100 == 3 {
		return errors.New("redirected elsewhere")
	}
	e.rewriteLocation(x, resp)
	for _, name := range []string{"Set-Cookie", "Alt-Svc", "Strict-Transport-Security", "Server", "Via"} {
		resp.Header.Del(name)
	}
	if x.change == nil || resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusNotFound {
		resp.Body = newStallReader(resp.Body, x.cancel)
		return nil
	}
	return e.changeAnswer(x, resp)
}

// rewriteLocation keeps a redirect within the store at the edge.
func (e *Edge) rewriteLocation(x *exchange, resp *http.Response) {
	rest, ok := strings.CutPrefix(resp.Header.Get("Location"), strings.TrimSuffix(x.to.String(), "/")+"/")
	if ok {
		resp.Header.Set("Location", e.cfg.Origin(x.client)+"/"+rest)
	}
}

// errNotStore means that an answer is not the store's, but perhaps a portal's.
var errNotStore = errors.New("the answer is not the store's: does a captive portal or a proxy stand between?")

// changeAnswer reads an answer of success, and changes its body.
func (e *Edge) changeAnswer(x *exchange, resp *http.Response) error {
	body, err := readAnswer(x.client, resp)
	if err != nil {
		return err
	}
	if body, err = x.change(resp, body); err != nil {
		return err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	resp.ContentLength = int64(len(body))
	resp.Header.Set("Content-Length", strconv.Itoa(len(body)))
	for _, name := range []string{"Content-Encoding", "Transfer-Encoding", "Etag", "Content-Md5"} {
		resp.Header.Del(name)
	}
	return nil
}

var errTooLarge = fmt.Errorf("the answer of upstream is over %d bytes", maxAnswer)

// readAnswer reads a whole answer, unpacked. The memory counts for the client's request.
func readAnswer(client *http.Request, resp *http.Response) ([]byte, error) {
	defer resp.Body.Close()
	var from io.Reader = resp.Body
	if strings.EqualFold(resp.Header.Get("Content-Encoding"), "gzip") {
		unpacked, err := gzip.NewReader(resp.Body)
		if err != nil {
			return nil, err
		}
		from = unpacked
	}
	size := int64(16 << 10)
	if n := resp.ContentLength; n > 0 && n <= maxAnswer {
		size = n + 1
	}
	body := make([]byte, 0, size)
	for {
		if err := transfer.Hold(client, 2*int64(cap(body))); err != nil {
			return nil, err
		}
		n, err := from.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case errors.Is(err, io.EOF):
			return body, nil
		case err != nil:
			return nil, err
		case len(body) > maxAnswer:
			return nil, errTooLarge
		case len(body) == cap(body):
			body = append(body, 0)[:len(body)]
		}
	}
}

// answerError answers a request that upstream did not answer, or not in a useful way.
func (e *Edge) answerError(w http.ResponseWriter, r *http.Request, err error) {
	x := r.Context().Value(exchangeKey{}).(*exchange)
	if x.client.Context().Err() != nil {
		return // the client is gone
	}
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		fail(w, http.StatusRequestEntityTooLarge, codeTooLarge, "the request is too large to pass")
		return
	case errors.Is(err, transfer.ErrBusy):
		w.Header().Set("Retry-After", "5")
		fail(w, http.StatusServiceUnavailable, codeUnavailable, "this store is busy")
		return
	}
	if e.metrics.lost() {
		e.cfg.Logger.Warn("upstream does not answer as a store: kept answers are given where there are some", "host", x.to.Host, "err", safeReason(err))
	}
	if x.instead != nil && x.instead(w) {
		e.metrics.requests.WithLabelValues(outcomeStale).Inc()
		return
	}
	e.metrics.requests.WithLabelValues(outcomeFailed).Inc()
	status := http.StatusBadGateway
	var timeout interface{ Timeout() bool }
	if errors.As(err, &timeout) && timeout.Timeout() {
		status = http.StatusGatewayTimeout
	}
	fail(w, status, codeUnavailable, "the store upstream does not answer at the moment, and this store has no answer of its own")
}

// safeReason returns the reason of an error without addresses that may have credentials in them.
func safeReason(err error) string {
	var u *url.Error
	for errors.As(err, &u) {
		err = u.Err
	}
	return fmt.Sprintf("%.300s", err)
}
