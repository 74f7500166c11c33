package upstream

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"offlinestore/snap"
)

// endpoint returns the URL of an API path. Its elements need no more escaping than url does.
func (c *Client) endpoint(query url.Values, elem ...string) string {
	escaped := make([]string, len(elem))
	for i, e := range elem {
		escaped[i] = url.PathEscape(e)
	}
	u := c.origin.JoinPath(escaped...)
	u.RawQuery = query.Encode()
	return u.String()
}

// request holds one API call.
type request struct {
	what   string // names the request in errors
	method string
	url    string
	header http.Header
	body   []byte
	limit  int64
	// pages accepts web pages, because the caller judges the content.
	pages bool
	// creates accepts any status of success, because the request makes something.
	creates bool
}

// answer is an answer of success.
type answer struct {
	header http.Header
	body   []byte
}

// call sends r until it is answered, or until retry gives up.
func (c *Client) call(ctx context.Context, r request) (*answer, error) {
	var a *answer
	err := c.retry(ctx, r.what, func() (err error) {
		if err := c.pace.enter(ctx); err != nil {
			return err
		}
		defer c.pace.leave()
		if err := c.pace.wait(ctx); err != nil {
			return err
		}
		a, err = c.callOnce(ctx, r)
		return err
	})
	return a, err
}

func (c *Client) callOnce(ctx context.Context, r request) (*answer, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, answerTimeout, errTimeout)
	defer cancel()
	req, err := c.newRequest(ctx, r.method, r.url, bytes.NewReader(r.body))
	if err != nil {
		return nil, err
	}
	for k, v := range r.header {
		req.Header[k] = v
	}
	resp, err := c.do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK && !(r.creates && resp.StatusCode/100 == 2) {
		return nil, c.statusError(resp)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, r.limit+1))
	if err != nil {
		return nil, &transportError{url: safe(resp.Request.URL), err: cause(ctx, err)}
	}
	if int64(len(body)) > r.limit {
		return nil, fmt.Errorf("%s: the answer is over the limit of %d bytes", safe(resp.Request.URL), r.limit)
	}
	if !r.pages && isPage(resp.Header, body) {
		return nil, c.pageError(resp)
	}
	return &answer{header: resp.Header, body: body}, nil
}

func (c *Client) newRequest(ctx context.Context, method, rawURL string, body io.Reader) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, method, rawURL, body)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", withoutURL(err))
	}
	if s := req.URL.Scheme; s != "http" && s != "https" || req.URL.Host == "" {
		return nil, fmt.Errorf("%s: not an http or https URL", safe(req.URL))
	}
	req.Header.Set("User-Agent", c.agent)
	return req, nil
}

// send sends req, and removes secrets from its error.
func (c *Client) send(req *http.Request) (*http.Response, error) {
	start := time.Now()
	resp, err := c.http.Do(req)
	if err == nil {
		if c.trace != nil {
			c.trace("%s %s: %d after %s", req.Method, safe(req.URL), resp.StatusCode, time.Since(start).Round(time.Millisecond))
		}
		return resp, nil
	}
	at := safe(req.URL)
	var ue *url.Error
	if errors.As(err, &ue) {
		at = safeURL(ue.URL) // the last address after redirects
	}
	return nil, &transportError{url: at, err: cause(req.Context(), withoutURL(err))}
}

// getJSON fills v from the store's answer to r.
func (c *Client) getJSON(ctx context.Context, r request, v any) error {
	r.limit = maxAnswer
	a, err := c.call(ctx, r)
	if err != nil {
		return err
	}
	if n := countValues(a.body); n > maxValues {
		return fmt.Errorf("%s: the answer has %d values, over the limit of %d", r.what, n, maxValues)
	}
	if err := json.Unmarshal(a.body, v); err != nil {
		return fmt.Errorf("decode the store's answer (%s): %w", mediaType(a.header), err)
	}
	return nil
}

// countValues returns a lower bound on the number of values in the JSON b that are in a list or an object.
func countValues(b []byte) (n int) {
	for inText, i := false, 0; i < len(b); i++ {
		switch c := b[i]; {
		case c == '"':
			inText = !inText
		case inText && c == '\\':
			i++
		case !inText && (c == ',' || c == '[' || c == '{'):
			n++
		}
	}
	return n
}

// v2Header returns the headers of API version 2. The store sends default tracks only to clients that announce support for them.
func v2Header(arch string) http.Header {
	h := http.Header{}
	h.Set("Accept", "application/json")
	h.Set(snap.HeaderSeries, snap.Series)
	h.Set(snap.HeaderCapabilities, "default-tracks")
	if arch != "" {
		h.Set(snap.HeaderArchitecture, arch)
	}
	return h
}

func mediaType(h http.Header) string {
	t, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		return "no media type"
	}
	return t
}

// safeURL parses s and returns it without the parts that may be secret.
func safeURL(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return "what is no URL"
	}
	return safe(u)
}

// safe returns u without the parts that may be secret.
func safe(u *url.URL) string {
	v := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}
	return clean(v.String())
}

// clean makes a text from the store safe for one line of a terminal.
func clean(s string) string {
	const limit = 500
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029' || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	if len(s) > limit {
		s = strings.ToValidUTF8(s[:limit], "") + "…"
	}
	return strings.TrimSpace(s)
}
