package upstreamtest

import (
	"maps"
	"slices"

	"offlinestore/channel"
)

// charmQuery is the part of a refresh request for charms that the store reads.
type charmQuery struct {
	Context []struct {
		InstanceKey string   `json:"instance-key"`
		ID          string   `json:"id"`
		Base        *apiBase `json:"base"`
		Channel     string   `json:"tracking-channel"`
	} `json:"context"`
	Actions []charmAction `json:"actions"`
	Fields  []string      `json:"fields"`
}

type apiBase struct{ Architecture, Name, Channel string }

type charmAction struct {
	Action      string   `json:"action"`
	InstanceKey string   `json:"instance-key"`
	Name        string   `json:"name"`
	ID          string   `json:"id"`
	Channel     string   `json:"channel"`
	Revision    *int     `json:"revision"`
	Base        *apiBase `json:"base"`
	Resources   []struct {
		Name     string `json:"name"`
		Revision int    `json:"revision"`
	} `json:"resource-revisions"`
}

// charmError returns the error of an action.
func charmError(code, message string, extra object) object {
	e := object{"code": code, "message": message}
	if extra != nil {
		e["extra"] = extra
	}
	return object{"charm": nil, "error": e, "result": "error", "id": nil, "name": nil, "effective-channel": nil, "released-at": nil}
}

// refreshCharms answers the actions of q in their order.
func (s *Store) refreshCharms(q *charmQuery, base string) object {
	results := []object{}
	for _, a := range q.Actions {
		for _, c := range q.Context {
			if a.Action == "refresh" && a.InstanceKey == c.InstanceKey {
				a.Base, a.Channel = c.Base, cmpOr(a.Channel, c.Channel)
			}
		}
		r := s.actCharm(a, base)
		r["instance-key"] = a.InstanceKey
		if c, ok := r["charm"].(object); ok && len(q.Fields) > 0 {
			r["charm"] = pick(c, q.Fields)
		}
		results = append(results, r)
	}
	return object{"error-list": []object{}, "results": results}
}

func (s *Store) actCharm(a charmAction, base string) object {
	e := s.charms[a.Name]
	for _, other := range s.charms {
		if a.Name == "" && other.ID == a.ID {
			e = other
		}
	}
	switch {
	case e == nil && a.Name != "":
		return charmError("name-not-found", "The Charm with the given name was not found in the Store.", nil)
	case e == nil:
		return charmError("id-not-found", "The Charm with the given ID was not found in the Store.", nil)
	}
	at, rel, failure := e.resolve(a)
	if failure != nil {
		return failure
	}
	resources := maps.Clone(rel.resources)
	for _, want := range a.Resources {
		if e.resources[want.Name][want.Revision] == nil {
			return charmError("charm-resource-not-found", "The resource revision was not found in the Store.", nil)
		}
		if resources == nil {
			resources = map[string]int{}
		}
		resources[want.Name] = want.Revision
	}
	entity := e.full(e.revisions[rel.revision], base)
	maps.Copy(entity, object{
		"id": e.ID, "name": e.Name, "type": e.Type, "license": orNull(e.License), "publisher": e.publisher(), "summary": e.Summary,
		"resources": e.resourcesOf(resources, base),
	})
	return object{
		"charm": entity, "effective-channel": orNull(at), "id": e.ID, "name": e.Name, "released-at": orNull(rel.at), "result": a.Action,
	}
}

// resolve returns the release for an action and its channel, or the error.
func (e *charmEntry) resolve(a charmAction) (at string, rel charmRelease, failure object) {
	if a.Revision != nil {
		return e.resolveRevision(a)
	}
	if a.Base == nil && e.Type != "bundle" {
		return "", charmRelease{}, charmError("missing-charm-base", "The base is missing.", nil)
	}
	c, err := channel.Parse(cmpOr(a.Channel, channel.Stable))
	if err != nil {
		return "", charmRelease{}, charmError("invalid-channel", "The channel is not valid.", nil)
	}
	var base Base
	if a.Base != nil {
		base = Base{a.Base.Name, a.Base.Channel, a.Base.Architecture}
	}
	if e.Type != "bundle" && (base.Name == "NA" || base.Channel == "NA") {
		bases := []object{}
		for _, b := range e.bases(c, base.Architecture) {
			bases = append(bases, b.object())
		}
		if len(bases) > 0 {
			return "", charmRelease{}, charmError("invalid-charm-base", "The base is not valid.", object{"default-bases": bases})
		}
	}
	slot, rel, ok := e.find(c, base)
	if !ok {
		return "", charmRelease{}, charmError("revision-not-found", "No revision was found in the Store.", object{"releases": e.elsewhere()})
	}
	return slot.channel.Name(), rel, nil
}

// resolveRevision ignores the base. Without a channel the store names no resources.
func (e *charmEntry) resolveRevision(a charmAction) (string, charmRelease, object) {
	rel := charmRelease{revision: *a.Revision}
	if e.revisions[rel.revision] == nil {
		return "", rel, charmError("revision-not-found", "No revision was found in the Store.", object{"releases": e.elsewhere()})
	}
	if a.Channel == "" {
		return "", rel, nil
	}
	c, err := channel.Parse(a.Channel)
	if err != nil {
		return "", rel, charmError("invalid-channel", "The channel is not valid.", nil)
	}
	for _, at := range e.slots() {
		if slices.Contains(e.spelledOut(c).Fallbacks(), at.channel) && e.released[at].revision == rel.revision {
			return at.channel.Name(), e.released[at], nil
		}
	}
	return a.Channel, rel, nil
}

// elsewhere lists the existing releases, for an error.
func (e *charmEntry) elsewhere() []object {
	out := []object{}
	for _, at := range e.slots() {
		out = append(out, object{"base": baseObject(at.base), "channel": at.channel.Name()})
	}
	return out
}
