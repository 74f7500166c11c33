package edge

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"offlinestore/assertion"
	"offlinestore/snap"
	"offlinestore/transfer"
)

// staleResult is a result of an answer that the edge gives on its own.
type staleResult struct {
	Result     string          `json:"result"`
	Key        string          `json:"instance-key,omitempty"`
	SnapID     string          `json:"snap-id,omitempty"`
	Name       string          `json:"name,omitempty"`
	Channel    string          `json:"effective-channel,omitempty"`
	Snap       json.RawMessage `json:"snap,omitempty"`
	Error      *snap.Error     `json:"error,omitempty"`
	Group      string          `json:"key,omitempty"`
	StreamURLs *[]string       `json:"assertion-stream-urls,omitempty"`
}

// refreshStale answers a request for revisions from the releases that devices were given before. It reports false if it knows none of them.
func (e *Edge) refreshStale(w http.ResponseWriter, r *http.Request, st *state, body []byte, d device) bool {
	var q snap.RefreshRequest
	if json.Unmarshal(body, &q) != nil {
		return false
	}
	weight, err := weighAnswer(r, len(q.Actions))
	if countAssertions(q.Actions) > maxOwnAssertions {
		err = errTooMany
	}
	results, known := []staleResult{}, false
	for i := 0; i < len(q.Actions) && err == nil; i++ {
		a := &q.Actions[i]
		if a.Action == "fetch-assertions" {
			result, found := e.staleAssertions(a, st, q.AssertionMaxFormats)
			results, known = append(results, result), known || found
			continue
		}
		name := channelOf(a, q.Context)
		revision := a.Revision
		if pinned := e.overrides.Load().find(a.SnapID, a.Name, d.arch, name); pinned > 0 {
			revision = pinned
		}
		found := e.releases.find(a.SnapID, a.Name, name, revision, d)
		if found == nil || e.cfg.Now().Sub(found.Seen) > st.StaleIfError {
			results = append(results, staleResult{Result: "error", Key: a.InstanceKey, SnapID: a.SnapID, Name: a.Name,
				Error: &snap.Error{Code: codeUnavailable, Message: "the store upstream does not answer, and no device was given this snap lately"}})
			continue
		}
		known = true
		results = append(results, staleResult{Result: a.Action, Key: a.InstanceKey, SnapID: found.SnapID, Name: found.Name, Channel: shortChannel(name), Snap: found.Snap})
		err = weight.add(len(found.Snap))
	}
	switch {
	case err != nil:
		failOwn(w, err)
		return true
	case !known:
		return false
	}
	text, err := json.Marshal(map[string]any{"results": results, "error-list": []snap.Error{}})
	if err != nil {
		return false
	}
	w.Header().Set("Warning", `110 - "upstream does not answer, and this answer is kept"`)
	transfer.WriteText(w, http.StatusOK, "application/json", e.replaceAddresses(r, st, newScan(text)))
	return true
}

func countAssertions(actions []snap.Action) (n int) {
	for i := range actions {
		n += len(actions[i].Assertions)
	}
	return n
}

// staleAssertions answers a request for newer assertions from kept ones. It reports whether there is one.
func (e *Edge) staleAssertions(a *snap.Action, st *state, formats map[string]int) (result staleResult, found bool) {
	urls := []string{}
	for _, want := range a.Assertions {
		key := want.PrimaryKey
		if len(key) == 0 {
			key = want.SequenceKey
		}
		path := "/v2/assertions/" + url.PathEscape(want.Type)
		for _, k := range key {
			path += "/" + url.PathEscape(k)
		}
		if n := formats[want.Type]; n > 0 {
			path += "?max-format=" + strconv.Itoa(n)
		}
		kept := e.answers.get(path, st.StaleIfError)
		if kept == nil || kept.Status != http.StatusOK {
			continue
		}
		found = true
		if have, err := assertion.Decode(kept.body); err != nil || want.IfNewerThan != nil && have.Revision() <= *want.IfNewerThan {
			continue
		}
		urls = append(urls, st.origin+path)
	}
	return staleResult{Result: a.Action, Group: a.Key, StreamURLs: &urls}, found
}

// shortChannel returns a channel as the store upstream writes it.
func shortChannel(full string) string { return strings.TrimPrefix(full, "latest/") }
