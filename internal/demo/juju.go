package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
)

// juju sends what Juju would, and says what it learns. The first failure ends it.
type juju struct {
	g   *guide
	url string
	err error
}

// entity is what a refresh says of a charm.
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

// base is nil, "NA" for not knowing, or a release of Ubuntu.
func base(release string) any {
	switch release {
	case "":
		return nil
	case "NA":
		return map[string]string{"architecture": "amd64", "name": "NA", "channel": "NA"}
	}
	return map[string]string{"architecture": "amd64", "name": "ubuntu", "channel": release}
}

// install asks for a charm, and returns the base that it is for where the one of the request is not.
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

// ask sends a request unless something failed before, such as the making of its body, and reads the answer into v unless that is nil.
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

// deploy asks for what is in the bundle, and returns the last of the images.
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
