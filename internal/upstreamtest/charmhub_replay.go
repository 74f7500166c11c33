package upstreamtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"

	"go.yaml.in/yaml/v3"
)

// cassette is a recorded conversation with Charmhub.
type cassette struct {
	Interactions []struct {
		Request struct {
			Method, URI string
		}
		Response struct {
			Body    struct{ String string }
			Headers map[string][]string
			Status  struct{ Code int }
		}
	}
}

// ReplayCharmhub serves the answers that were recorded in dir, realdata/api/charmhub, byte for byte. It serves cassettes by method and
// path, and each *info.json as the info of its charm.
func ReplayCharmhub(dir string) (http.Handler, error) {
	mux := http.NewServeMux()
	infos, err := filepath.Glob(filepath.Join(dir, "*info.json"))
	if err != nil || len(infos) == 0 {
		return nil, fmt.Errorf("replay %s: no recorded answers", filepath.Base(dir))
	}
	for _, file := range infos {
		b, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var of struct{ Name string }
		if err := json.Unmarshal(b, &of); err != nil {
			return nil, fmt.Errorf("replay %s: %w", filepath.Base(file), err)
		}
		answer(mux, "GET /v2/charms/info/"+of.Name, http.StatusOK, http.Header{"Content-Type": {"application/json"}}, b)
	}
	cassettes, err := filepath.Glob(filepath.Join(dir, "cassettes", "*.yaml"))
	if err != nil {
		return nil, err
	}
	for _, file := range cassettes {
		b, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var c cassette
		if err := yaml.Unmarshal(b, &c); err != nil {
			return nil, fmt.Errorf("replay %s: %w", filepath.Base(file), err)
		}
		for _, i := range c.Interactions {
			u, err := url.Parse(i.Request.URI)
			if err != nil {
				return nil, fmt.Errorf("replay %s: %w", filepath.Base(file), err)
			}
			h := http.Header{}
			for _, k := range []string{"content-type", "server", "snap-store-version", "x-view-name"} {
				for _, v := range i.Response.Headers[k] {
					h.Add(k, v)
				}
			}
			answer(mux, i.Request.Method+" "+u.Path, i.Response.Status.Code, h, []byte(i.Response.Body.String))
		}
	}
	return mux, nil
}

func answer(mux *http.ServeMux, pattern string, status int, header http.Header, body []byte) {
	mux.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) {
		for k, v := range header {
			w.Header()[k] = v
		}
		w.WriteHeader(status)
		w.Write(body)
	})
}

// AddRecordedCharm adds the charm of a recorded info response, with all of its channels, bases and revisions. Its archives were not recorded,
// so they and their digests are made up.
func (s *Store) AddRecordedCharm(file string) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var info struct {
		ID, Name, Type string
		ChannelMap     []struct {
			Channel struct {
				Base        Base
				Track, Risk string
			}
			Revision struct {
				Bases    []Base
				Revision int
				Version  string
			}
		} `json:"channel-map"`
	}
	if err := json.Unmarshal(b, &info); err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(file), err)
	}
	if err := s.AddCharm(Charm{Name: info.Name, ID: info.ID, Type: info.Type}); err != nil {
		return err
	}
	known := map[int]bool{}
	for _, row := range info.ChannelMap {
		r := row.Revision
		if !known[r.Revision] {
			known[r.Revision] = true
			if err := s.AddCharmRevision(info.Name, CharmRev{Revision: r.Revision, Version: r.Version, CharmFiles: CharmFiles{Bases: r.Bases}}); err != nil {
				return err
			}
		}
		if err := s.ReleaseCharm(info.Name, row.Channel.Track+"/"+row.Channel.Risk, row.Channel.Base, r.Revision, nil); err != nil {
			return err
		}
	}
	return nil
}
