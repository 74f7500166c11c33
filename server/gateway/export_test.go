package gateway

import (
	"net/http"
	"net/http/httptest"
	"net/url"

	"offlinestore/catalog"
)

// NewCursor is newCursor.
var NewCursor = newCursor

// ReadRemodels reads the entries in the body of a request.
func ReadRemodels(r *http.Request) ([]catalog.Remodel, error) {
	return (&request{Request: r, w: httptest.NewRecorder()}).readRemodels()
}

// ReadPage reads the size of a page, and a cursor with a key of three parts.
func ReadPage(q url.Values) (size int, key []string, err error) {
	if size, err = pageSize(q); err != nil {
		return 0, nil, err
	}
	for _, name := range []string{"start-time", "end-time"} {
		if _, err := timeOf(q, name); err != nil {
			return 0, nil, err
		}
	}
	key, err = cursorOf(q, 3)
	return size, key, err
}
