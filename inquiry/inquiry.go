// Package inquiry asks a store for a snap like a device, and for a charm like Juju. The answers are the server's own, for a state
// of the catalogue. No network is needed.
package inquiry

import (
	"bytes"
	"encoding/json"
	"net/http"

	"offlinestore/blob"
	"offlinestore/catalog"
	"offlinestore/server"
	"offlinestore/snap"
)

// Store is a store that can be asked.
type Store struct {
	handler http.Handler
	catalog *catalog.Snapshot
}

// Open returns the store with a state of its catalogue.
func Open(cat *catalog.Snapshot, blobs *blob.Storage) (*Store, error) {
	s := server.New(server.Config{Blobs: blobs, Operator: true})
	s.SetSettings(server.Settings{Domain: "localhost"})
	if err := s.SetSnapshot(cat); err != nil {
		return nil, err
	}
	return &Store{s.Handler(), cat}, nil
}

// Answer is the outcome for one client.
type Answer struct {
	Result   string `json:"result"`
	Revision int    `json:"revision,omitempty"`
	Version  string `json:"version,omitempty"`
	Channel  string `json:"channel,omitempty"`
	// Redirect is the channel that the device will follow instead.
	Redirect string `json:"redirect-channel,omitempty"`
	Code     string `json:"code,omitempty"`
	Reason   string `json:"reason,omitempty"`
	// Private is set for a snap that only devices of Stores get, and of the stores below these.
	Private bool     `json:"private,omitempty"`
	Stores  []string `json:"stores,omitempty"`
}

// instanceKey ties the result to the action. There is only one.
const instanceKey = "why"

// send sends a request to the server, and returns the body of the answer.
func (s *Store) send(path, arch string, request any) ([]byte, error) {
	body, err := json.Marshal(request)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequest(http.MethodPost, "http://localhost"+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set(snap.HeaderSeries, snap.Series)
	r.Header.Set(snap.HeaderArchitecture, arch)
	r.Header.Set(snap.HeaderCapabilities, "default-tracks")
	w := &answerBuffer{header: make(http.Header)}
	s.handler.ServeHTTP(w, r)
	return w.body.Bytes(), nil
}

// answerBuffer keeps the body of an answer. A refused request has a body with the reason, so the status is not needed.
type answerBuffer struct {
	header http.Header
	body   bytes.Buffer
}

// Header implements [http.ResponseWriter].
func (b *answerBuffer) Header() http.Header { return b.header }

// WriteHeader implements [http.ResponseWriter].
func (b *answerBuffer) WriteHeader(int) {}

// Write implements [http.ResponseWriter].
func (b *answerBuffer) Write(p []byte) (int, error) { return b.body.Write(p) }
