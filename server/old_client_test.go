package server_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"offlinestore/server"
)

// TestTypeSnapd asks about a snap of the type snapd, which drops the whole answer in snapd before 2.36.
func TestTypeSnapd(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	c := catalogue(b)
	c.Snaps[2].Revisions[1].Type = "snapd"
	h := serve(t, b, c, server.Config{}).Handler()
	const action = `"context":[],"actions":[{"action":"install","instance-key":"i","name":"jq"}]`
	ask := map[string]func(agent, fields string) *http.Response{
		"info": func(agent, fields string) *http.Response {
			return call(t, h, "GET", "/v2/snaps/info/jq?architecture=amd64&fields="+fields, "", "User-Agent: "+agent)
		},
		"find": func(agent, fields string) *http.Response {
			return call(t, h, "GET", "/v2/snaps/find?name=jq&architecture=amd64&fields="+fields, "", "User-Agent: "+agent)
		},
		"refresh": func(agent, fields string) *http.Response {
			if fields != "" {
				fields = `"` + fields + `"`
			}
			return call(t, h, "POST", "/v2/snaps/refresh", `{"fields":[`+fields+`],`+action+`}`, "User-Agent: "+agent)
		},
	}
	const series = " (series 16; classic) ubuntu/18.04 (amd64) linux/4.15.0"
	for agent, want := range map[string]string{
		"snapd/2.32.4" + series: "app", "snapd/2.35" + series: "app", "snapd/2.35.5+18.04": "app", "snapd/2.35~pre1": "app", "snapd/2.4": "app",
		"snapd/2.36" + series: "snapd", "snapd/2.57.6-1+b5": "snapd", "snapd/2.100": "snapd", "snapd/3.0": "snapd", "snapd/unknown": "snapd",
		"snapd/2.": "snapd", "snapd/2.99999999999999999999": "snapd", "": "snapd", "store-admin/1.0": "snapd", "curl/8 snapd/2.30": "snapd",
	} {
		for name, call := range ask {
			if body := bodyOf(t, call(agent, "")); strings.Contains(body, `"type":"snapd"`) != (want == "snapd") {
				t.Errorf("%s of %q: %s, want the type %s", name, agent, body, want)
			}
			body := bodyOf(t, call(agent, "type"))
			if n := map[string]int{"info": 3}[name]; !strings.Contains(body, `"type":"`+want+`"`) || strings.Count(body, `"type":`) != max(1, n) {
				t.Errorf("%s of the type for %q: %s, want it once, %s", name, agent, body, want)
			}
			if body := bodyOf(t, call(agent, "version")); strings.Contains(body, `"type":`) {
				t.Errorf("%s of the version for %q: %s, want no type", name, agent, body)
			}
		}
	}
}

// TestVary reads the headers from which a cache in front learns about the causes of an answer.
func TestVary(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	c := catalogue(b)
	c.Snaps[2].Revisions[1].Type = "snapd"
	s := serve(t, b, c, server.Config{})
	s.SetSettings(server.Settings{Domain: "snaps.example.internal"})
	h := s.Handler()
	const arch, session = "Snap-Device-Architecture, X-Ubuntu-Architecture", "Snap-Device-Authorization, X-Device-Authorization, Authorization"
	for path, want := range map[string][]string{
		"/v2/snaps/info/hello?architecture=amd64": nil,
		"/v2/snaps/info/hello":                    {arch},
		"/v2/snaps/info/jq?architecture=amd64":    {"User-Agent"},
		"/v2/snaps/info/jq":                       {arch, "User-Agent"},
		"/v2/snaps/find?architecture=amd64":       {arch, "User-Agent"},
		"/v2/snaps/find?name=hello":               {arch},
		"/api/v1/snaps/details/hello":             {arch},
		"/api/v1/snaps/search":                    {arch},
	} {
		want = append([]string{session}, want...)
		if got := call(t, h, "GET", path, "").Header["Vary"]; !slices.Equal(got, want) {
			t.Errorf("%s: Vary %q, want %q", path, got, want)
		}
	}
}
