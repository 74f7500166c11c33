//go:build linux || darwin

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
)

// juju sends the requests that Juju sends, and prints the answers. The first failure ends it.
type juju struct {
	g   *tour
	url string
	err error
}

// entity is a charm or a bundle in a refresh answer.
type entity struct {
	Type, Name string
	Revision   int
	Download   struct{ URL string }
	Resources  []struct {
		Name     string
		Revision int
		Download struct{ URL string }
	}
}

// base returns the base of a request: nil, "NA" for an unknown base, or a release of Ubuntu.
func base(release string) any {
	switch release {
	case "":
		return nil
	case "NA":
		return map[string]string{"architecture": "amd64", "name": "NA", "channel": "NA"}
	}
	return map[string]string{"architecture": "amd64", "name": "ubuntu", "channel": release}
}

// install asks for a charm. If the charm has no revision for the base of the request, install returns another base.
func (j *juju) install(name, channel, release string) (e entity, other string) {
	body, err := json.Marshal(map[string]any{"context": []any{}, "actions": []any{map[string]any{
		"action": "install", "instance-key": name, "name": name, "channel": channel, "base": base(release),
	}}})
	var reply struct {
		Results []struct {
			Charm *entity
			Error *struct {
				Code, Message string
				Extra         struct {
					Bases []struct{ Channel string } `json:"default-bases"`
				}
			}
		}
	}
	j.ask(http.MethodPost, j.url+"/v2/charms/refresh", body, err, &reply)
	switch {
	case j.err != nil:
	case len(reply.Results) != 1:
		j.err = fmt.Errorf("%d results", len(reply.Results))
	case reply.Results[0].Charm != nil:
		e = *reply.Results[0].Charm
		fmt.Printf("install %s from %s: %s revision %d\n", name, channel, e.Type, e.Revision)
	default:
		problem := reply.Results[0].Error
		if problem == nil || release != "NA" || len(problem.Extra.Bases) == 0 {
			j.err = fmt.Errorf("install %s: %+v", name, problem)
			break
		}
		other = problem.Extra.Bases[0].Channel
		fmt.Printf("install %s from %s: %s, the base is ubuntu@%s\n", name, channel, problem.Code, other)
	}
	return e, other
}

// ask sends a request and decodes the answer into v, unless v is nil. It does nothing if an earlier step failed or if err
// is not nil.
func (j *juju) ask(method, url string, body []byte, err error, v any) {
	if j.err == nil {
		j.err = err
	}
	if j.err != nil {
		return
	}
	req, err := http.NewRequestWithContext(j.g.ctx, method, url, bytes.NewReader(body))
	if err != nil {
		j.err = err
		return
	}
	req.Header.Set("Content-Type", "application/json")
	text, err := answer(req)
	if err == nil && v != nil {
		err = json.Unmarshal(text, v)
	}
	j.err = err
}

// deploy asks for the contents of the bundle, and returns the last of the images.
func (j *juju) deploy() (image string) {
	bundle, _ := j.install("cos-lite", "stable", "NA")
	j.ask(http.MethodGet, bundle.Download.URL, nil, nil, nil)
	for _, app := range [][2]string{{"traefik-k8s", "stable"}, {"postgresql-k8s", "14/stable"}} {
		_, release := j.install(app[0], app[1], "NA")
		charm, _ := j.install(app[0], app[1], release)
		j.ask(http.MethodGet, charm.Download.URL, nil, nil, nil)
		for _, r := range charm.Resources {
			var blob struct{ ImageName string }
			j.ask(http.MethodGet, r.Download.URL, nil, nil, &blob)
			fmt.Printf("resource %s revision %d: image %.60s…\n", r.Name, r.Revision, blob.ImageName)
			image = blob.ImageName
		}
	}
	return image
}
