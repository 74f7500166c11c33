package upstreamtest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"offlinestore/assertion"
)

// recording holds the answers of a recorded conversation with the real store, by their subjects. The conversation used several connections
// at once, so the order of the files does not tell the request of an answer.
type recording struct {
	assertions map[string][]byte          // bodies, by Ref.Key
	results    map[string]json.RawMessage // refresh results, by snap name
	blobs      map[string]string          // Content-Length, by file name
	redirects  map[string]string          // Location, by file name
}

// Replay serves the recording in dir, a folder of realdata/wire. It answers refresh requests by the names and channels of their actions,
// requests for assertions, and downloads through their redirects up to the payload. The payload was not recorded, so the connection breaks
// where it begins. Other hosts are replaced by the server's own, so that no request leaves the machine. Two parts are made up from the
// recorded results: the verb and key of results, which echo the request, and /v2/snaps/info, which was never requested.
func Replay(dir string) (http.Handler, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.resp.*.http"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("replay %s: no recorded answers", filepath.Base(dir))
	}
	rec := &recording{map[string][]byte{}, map[string]json.RawMessage{}, map[string]string{}, map[string]string{}}
	for _, f := range files {
		if err := rec.load(f); err != nil {
			return nil, fmt.Errorf("replay %s: %w", filepath.Base(f), err)
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v2/snaps/info/{name}", rec.info)
	mux.HandleFunc("POST /v2/snaps/refresh", rec.refresh)
	mux.HandleFunc("GET /v2/assertions/{type}/{key...}", rec.assertion)
	mux.HandleFunc("GET /api/v1/snaps/download/{file}", rec.redirect)
	mux.HandleFunc("GET /download-origin/{origin}/{file}", rec.download)
	return mux, nil
}

func (rec *recording) load(file string) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(b)), nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	switch ct := resp.Header.Get("Content-Type"); {
	case resp.StatusCode == http.StatusFound:
		where := resp.Header.Get("Location")
		name, _, _ := strings.Cut(path.Base(where), "?")
		rec.redirects[name] = where
	case ct == "application/octet-stream":
		_, name, _ := strings.Cut(resp.Header.Get("Content-Disposition"), `filename="`)
		rec.blobs[strings.TrimSuffix(name, `"`)] = resp.Header.Get("Content-Length")
	case ct == "application/x.ubuntu.assertion":
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			return err
		}
		a, err := assertion.Decode(body)
		if err != nil {
			return err
		}
		rec.assertions[a.Ref().Key()] = body
	case ct == "application/json":
		var r struct{ Results []json.RawMessage }
		// Some bodies are redacted and no longer JSON: those about sessions, which no client requests here.
		if json.NewDecoder(resp.Body).Decode(&r) != nil {
			return nil
		}
		for _, raw := range r.Results {
			var result struct{ Name string }
			if err := json.Unmarshal(raw, &result); err != nil {
				return err
			}
			rec.results[result.Name] = raw
		}
	}
	return nil
}

// otherHosts matches the hosts to which the recorded answers point.
var otherHosts = regexp.MustCompile(`https://(?:api|dashboard)\.snapcraft\.io|https://[a-z0-9-]+\.cdn\.snapcraftcontent\.com`)

func local(text string, r *http.Request) string {
	return otherHosts.ReplaceAllString(text, "http://"+r.Host)
}

// result returns the recorded result for name as the server of r would send it.
func (rec *recording) result(name string, r *http.Request) object {
	raw, ok := rec.results[name]
	if !ok {
		return nil
	}
	var o object
	d := json.NewDecoder(strings.NewReader(local(string(raw), r)))
	d.UseNumber()
	if err := d.Decode(&o); err != nil {
		return nil
	}
	return o
}

func (rec *recording) refresh(w http.ResponseWriter, r *http.Request) {
	var q query
	if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
		writeError(w, http.StatusBadRequest, "api-error", err.Error())
		return
	}
	results := []object{}
	for _, a := range q.Actions {
		o := rec.result(a.Name, r)
		switch {
		case o == nil:
			o = object{"result": "error", "name": a.Name, "error": object{"code": "name-not-found", "message": "not in the recording"}}
		case !recorded(a, o, r.Header.Get("Snap-Device-Architecture")):
			o = object{"result": "error", "name": a.Name, "snap-id": o["snap-id"], "error": object{"code": "revision-not-found", "message": "not in the recording"}}
		default:
			o["result"] = a.Action
		}
		o["instance-key"] = a.InstanceKey
		results = append(results, o)
	}
	writeJSON(w, http.StatusOK, object{"error-list": []object{}, "results": results})
}

// recorded reports whether o answered an action like a.
func recorded(a action, o object, arch string) bool {
	ch := strings.TrimPrefix(a.Channel, "latest/")
	snap, _ := o["snap"].(object)
	revision, _ := snap["revision"].(json.Number)
	archs := fmt.Sprint(snap["architectures"])
	return (ch == "" || ch == o["effective-channel"]) && (a.Revision == 0 || strconv.Itoa(a.Revision) == revision.String()) &&
		(arch == "amd64" || strings.Contains(archs, "all"))
}

func (rec *recording) info(w http.ResponseWriter, r *http.Request) {
	o := rec.result(r.PathValue("name"), r)
	if o == nil {
		writeError(w, http.StatusNotFound, "resource-not-found", "not in the recording")
		return
	}
	row, ok := o["snap"].(object)
	if !ok {
		writeError(w, http.StatusInternalServerError, "api-error", "the recorded result has no snap")
		return
	}
	risk := o["effective-channel"]
	row["channel"] = object{"architecture": "amd64", "name": risk, "risk": risk, "track": "latest", "released-at": o["released-at"]}
	writeJSON(w, http.StatusOK, object{
		"channel-map": []object{row}, "default-track": nil, "name": o["name"], "snap-id": o["snap-id"],
		"snap": pick(row, []string{"contact", "description", "license", "links", "media", "name", "prices", "private", "publisher", "snap-id", "summary", "title", "website"}),
	})
}

func (rec *recording) assertion(w http.ResponseWriter, r *http.Request) {
	ref, err := assertion.RefFromPath(r.PathValue("type"), strings.Split(r.PathValue("key"), "/"))
	body := rec.assertions[ref.Key()]
	if err != nil || body == nil {
		writeError(w, http.StatusNotFound, "not-found", "not in the recording")
		return
	}
	w.Header().Set("Content-Type", "application/x.ubuntu.assertion")
	w.Write(body)
}

func (rec *recording) redirect(w http.ResponseWriter, r *http.Request) {
	where := rec.redirects[r.PathValue("file")]
	if where == "" {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Location", local(where, r))
	w.WriteHeader(http.StatusFound)
}

func (rec *recording) download(w http.ResponseWriter, r *http.Request) {
	length := rec.blobs[r.PathValue("file")]
	if length == "" {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", length)
	w.WriteHeader(http.StatusOK)
	if f, ok := w.(http.Flusher); ok {
		f.Flush()
	}
	panic(http.ErrAbortHandler)
}
