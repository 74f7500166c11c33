package edge

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"offlinestore/channel"
	"offlinestore/snap"
)

// info answers a question about a snap. Overridden channels have their own revisions.
func (e *Edge) info(w http.ResponseWriter, r *http.Request) { e.keep(w, r, infoKind) }

// overrideInfo replaces the entries of overridden channels in a channel map with the data of their own revisions.
func (e *Edge) overrideInfo(r *http.Request, st *state, body []byte) []byte {
	set := e.overrides.Load()
	name := r.PathValue("name")
	if set.ids[name] == "" {
		return body
	}
	var q map[string]json.RawMessage
	var rows []map[string]json.RawMessage
	if json.Unmarshal(body, &q) != nil || json.Unmarshal(q["channel-map"], &rows) != nil {
		return body
	}
	for _, row := range rows {
		var c snap.ChannelMapChannel
		if json.Unmarshal(row["channel"], &c) != nil {
			continue
		}
		n := set.find("", name, c.Architecture, channel.Channel{Track: c.Track, Risk: c.Risk}.Full())
		if n == 0 {
			continue
		}
		if err := e.overrideRow(r, st, set.ids[name], name, c.Architecture, n, row); err != nil {
			e.cfg.Logger.Warn("an overridden channel is shown as upstream has it", "snap", name, "revision", n, "err", safeReason(err))
		}
	}
	q["channel-map"] = mustJSON(rows)
	return mustJSON(q)
}

// overrideRow gives a row of a channel map the data of another revision. It replaces only members that the row has.
func (e *Edge) overrideRow(r *http.Request, st *state, id, name, arch string, revision int, row map[string]json.RawMessage) error {
	var fields []string
	for _, f := range strings.Split(r.URL.Query().Get("fields"), ",") {
		if f != "" && f != "channel-map" {
			fields = append(fields, f)
		}
	}
	other, err := e.revision(r, st, id, name, arch, revision, append(fields, "revision"))
	if err != nil {
		return err
	}
	for member := range row {
		if v, ok := other[member]; ok && member != "channel" {
			row[member] = v
		}
	}
	return nil
}

// revisionTimeout is the time for a question of the edge's own. snapd waits for ten seconds in all.
const revisionTimeout = 5 * time.Second

// revision returns the members of a revision, from upstream with the credentials of a request, or from an answer that is kept.
func (e *Edge) revision(r *http.Request, st *state, id, name, arch string, revision int, fields []string) (map[string]json.RawMessage, error) {
	d := device{arch, r.Header.Get(snap.HeaderStore)}
	body := mustJSON(map[string]any{"context": []string{}, "fields": fields,
		"actions": []snap.Action{{Action: "download", InstanceKey: "edge", Name: name, SnapID: id, Revision: revision}}})
	key := fmt.Sprintf("revision %s %s %s %s", d.store, arch, r.Header.Get(snap.HeaderDeviceAuthorization), body)
	text := []byte(nil)
	if a := e.answers.get(key, time.Hour); a != nil {
		text = a.body
	} else {
		var err error
		if text, err = e.ask(r, st, arch, body); err != nil {
			return nil, err
		}
		e.answers.put(key, &answer{Status: http.StatusOK, At: e.cfg.Now(), body: text})
	}
	var q struct {
		Results []struct {
			Error *snap.Error                `json:"error"`
			Snap  map[string]json.RawMessage `json:"snap"`
		} `json:"results"`
	}
	switch err := json.Unmarshal(text, &q); {
	case err != nil:
		return nil, err
	case len(q.Results) != 1:
		return nil, errNotStore
	case q.Results[0].Error != nil:
		return nil, errors.New(q.Results[0].Error.Message)
	}
	return q.Results[0].Snap, nil
}

// ask sends a question of the edge's own to upstream, in the name of a client.
func (e *Edge) ask(r *http.Request, st *state, arch string, body []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(r.Context(), revisionTimeout)
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, st.origin+"/v2/snaps/refresh", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	for _, h := range append([]string{"User-Agent"}, identifying...) {
		q.Header[h] = r.Header.Values(h)
	}
	q.Header.Set("Content-Type", "application/json")
	q.Header.Set("Accept", "application/json")
	q.Header.Set(snap.HeaderSeries, snap.Series)
	q.Header.Set(snap.HeaderArchitecture, arch)
	resp, err := st.transport.RoundTrip(q)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%w: %s", errUnavailable, resp.Status)
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxKept+1))
	if err == nil && (len(text) > maxKept || !json.Valid(text)) {
		err = errNotStore
	}
	return text, err
}
