package server

import (
	"encoding/json"
	"net/http"

	"offlinestore/transfer"
)

// packages is the list of an answer in version 1 of the API. It counts for the client while it grows, not only when it is written.
type packages struct {
	r    *http.Request
	list []json.RawMessage
	size int64
}

// add adds an entry. The error may be transfer.ErrBusy.
func (p *packages) add(v any) error {
	text, err := marshal(v)
	if err != nil {
		return err
	}
	p.list = append(p.list, text)
	p.size += int64(len(text))
	return transfer.Hold(p.r, 2*p.size) // the whole answer is a copy
}
