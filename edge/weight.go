package edge

import (
	"errors"
	"net/http"

	"offlinestore/transfer"
)

// The bounds of a request that the edge answers on its own, as in air-gapped mode: its actions, and the assertions in them. A device has some
// hundreds.
const (
	maxOwnActions    = 1000
	maxOwnAssertions = 10_000
)

// errTooMany means that a request asks for more than one answer holds.
var errTooMany = errors.New("the request asks for too much at once: ask for fewer revisions")

// answerWeight counts the bytes of an answer that the edge gives on its own, since a request of few bytes leads to one of many.
type answerWeight struct {
	client *http.Request
	bytes  int64
}

// weighAnswer begins an answer to that number of actions. The error is errTooMany if they are too many.
func weighAnswer(client *http.Request, actions int) (*answerWeight, error) {
	if actions > maxOwnActions {
		return nil, errTooMany
	}
	return &answerWeight{client: client}, nil
}

// add counts a result. The error is errTooMany, or transfer.ErrBusy if clients together hold too much.
func (a *answerWeight) add(bytes int) error {
	a.bytes += int64(bytes)
	if a.bytes > maxAnswer {
		return errTooMany
	}
	return transfer.Hold(a.client, 3*a.bytes) // the results, the answer, and the one with other addresses
}

// failOwn answers a request whose answer would be too large.
func failOwn(w http.ResponseWriter, err error) {
	if errors.Is(err, transfer.ErrBusy) {
		w.Header().Set("Retry-After", "5")
		fail(w, http.StatusServiceUnavailable, codeUnavailable, "this store is busy")
		return
	}
	fail(w, http.StatusRequestEntityTooLarge, codeTooLarge, err.Error())
}
