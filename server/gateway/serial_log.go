package gateway

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"offlinestore/catalog"
	"offlinestore/server/gateway/api"
)

// The sizes of pages. Assertions can be large, so that a page with them has fewer entries.
const (
	usualPage = 100
	maxPage   = 500
	textPage  = 20
)

// pageSize returns the size of the page that a request asks for.
func pageSize(q url.Values) (int, error) {
	text := q.Get("page-size")
	if text == "" {
		return usualPage, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > maxPage {
		return 0, badRequest("page-size is a number from 1 to 500")
	}
	return n, nil
}

// maxCursor bounds a cursor, in bytes.
const maxCursor = 4 << 10

// newCursor returns the cursor after an entry that has a key of several parts.
func newCursor(key ...string) *string {
	s := base64.RawURLEncoding.EncodeToString([]byte(strings.Join(key, "\n")))
	return &s
}

// cursorOf returns the key of n parts that a cursor has, or empty parts for none.
func cursorOf(q url.Values, n int) ([]string, error) {
	text := q.Get("cursor")
	if text == "" {
		return make([]string, n), nil
	}
	b, err := base64.RawURLEncoding.DecodeString(text)
	parts := strings.Split(string(b), "\n")
	if err != nil || len(text) > maxCursor || len(parts) != n {
		return nil, badCursor()
	}
	return parts, nil
}

func badCursor() error { return badRequest("the cursor is not by this store") }

// timeOf reads a time. Without a zone it is UTC, as in the original's answers.
func timeOf(q url.Values, name string) (time.Time, error) {
	text := q.Get(name)
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, badRequest(name + " is no time as 2026-11-20T10:15:00Z")
}

// flag reads a parameter that is true or false.
func flag(q url.Values, name string) (bool, error) {
	switch q.Get(name) {
	case "":
		return false, nil
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, badRequest(name + " is true or false")
}

func (g *gateway) serialLog(r *request) (any, error) {
	q := r.URL.Query()
	query := catalog.SerialLogQuery{BrandID: r.PathValue("brand"), Model: r.PathValue("model"), Bare: true}
	var err error
	if query.Start, err = timeOf(q, "start-time"); err != nil {
		return nil, err
	}
	if query.End, err = timeOf(q, "end-time"); err != nil {
		return nil, err
	}
	if query.Limit, err = pageSize(q); err != nil {
		return nil, err
	}
	return g.logPage(r, query, false, false)
}

func (g *gateway) serialLogOf(r *request) (any, error) {
	q := r.URL.Query()
	withSerial, err := flag(q, "include-serial-assertion")
	if err != nil {
		return nil, err
	}
	withRequest, err := flag(q, "include-serial-request-assertion")
	if err != nil {
		return nil, err
	}
	query := catalog.SerialLogQuery{BrandID: r.PathValue("brand"), Model: r.PathValue("model"), Serial: r.PathValue("s"), Bare: !withSerial && !withRequest}
	if query.Serial == "" {
		return nil, &requestError{http.StatusNotFound, api.CodeNotFound, "no serial is named"}
	}
	if query.Limit, err = pageSize(q); err != nil {
		return nil, err
	}
	if !query.Bare {
		query.Limit = min(query.Limit, textPage)
	}
	return g.logPage(r, query, withSerial, withRequest)
}

// logPage returns a page of the log, with the texts that were asked for. The log of a model outlives the model.
func (g *gateway) logPage(r *request, query catalog.SerialLogQuery, withSerial, withRequest bool) (any, error) {
	cursor, err := cursorOf(r.URL.Query(), 1)
	if err != nil {
		return nil, err
	}
	if cursor[0] != "" {
		if query.Before, err = strconv.ParseInt(cursor[0], 10, 64); err != nil || query.Before < 1 {
			return nil, badCursor()
		}
	}
	size := query.Limit
	query.Limit++ // one more tells whether there is a next page
	list, err := g.Store.SerialLog(r.Context(), query)
	if err != nil {
		return nil, err
	}
	out := api.SerialLog{Items: []api.SerialLogItem{}}
	if len(list) > size {
		list = list[:size]
		out.NextCursor = newCursor(strconv.FormatInt(list[size-1].ID, 10))
	}
	for _, e := range list {
		item := api.SerialLogItem{BrandAccountID: e.BrandID, ModelName: e.Model, Serial: e.Serial, Revision: e.Revision, DeviceKey: e.DeviceKey,
			SigningKey: e.KeyID, PolicyRevision: e.Policy, RemoteAddress: e.Origin, CreatedAt: e.SignedAt.UTC()}
		if withSerial {
			item.SerialAssertion = e.Assertion
		}
		if withRequest {
			item.SerialRequestAssertion = e.Request
		}
		out.Items = append(out.Items, item)
	}
	return out, nil
}
