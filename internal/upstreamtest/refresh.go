package upstreamtest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"offlinestore/assertion"
	"offlinestore/channel"
)

// query is the part of a refresh request that the store reads.
type query struct {
	Context []struct {
		InstanceKey string     `json:"instance-key"`
		Channel     string     `json:"tracking-channel"`
		Epoch       *epochData `json:"epoch"`
	} `json:"context"`
	Actions []action `json:"actions"`
	Fields  []string `json:"fields"`
}

type action struct {
	Action         string     `json:"action"`
	InstanceKey    string     `json:"instance-key"`
	Name           string     `json:"name"`
	SnapID         string     `json:"snap-id"`
	Channel        string     `json:"channel"`
	Revision       int        `json:"revision"`
	ValidationSets [][]string `json:"validation-sets"`
	// RawEpoch is empty for a client that knows no epochs, and null for a new installation.
	RawEpoch json.RawMessage `json:"epoch"`
	// data is the epoch of the data that the device has, nil for a new installation.
	data *epochData
}

// epochData is an epoch in a request.
type epochData struct {
	Read  []uint32 `json:"read"`
	Write []uint32 `json:"write"`
}

// device describes the client of a request.
type device struct {
	arch          string
	defaultTracks bool
	base          string
	viewer        viewer
}

// refresh answers the actions of q in their order.
func (s *Store) refresh(q *query, d device) object {
	results := []object{}
	for _, a := range q.Actions {
		a.data = a.epoch()
		for _, c := range q.Context {
			if a.Action != "refresh" || a.InstanceKey != c.InstanceKey {
				continue
			}
			a.data = c.Epoch
			if a.Channel == "" {
				a.Channel = c.Channel
			}
		}
		r := s.act(a, q.Fields, d)
		r["instance-key"] = a.InstanceKey
		results = append(results, r)
	}
	return object{"error-list": []object{}, "results": results}
}

func (s *Store) act(a action, fields []string, d device) object {
	e := s.find(a)
	if e == nil || !s.sees(d.viewer, e) {
		code, message := "name-not-found", fmt.Sprintf("No snap named '%s' found in series '16'.", a.Name)
		if a.Name == "" {
			code, message = "id-not-found", fmt.Sprintf("No snap with ID '%s' found in series '16'.", a.SnapID)
		}
		return object{"result": "error", "name": a.Name, "snap-id": orNull(a.SnapID), "error": object{"code": code, "message": message}}
	}
	at, redirect, rel := e.resolve(a, d)
	r := e.revisions[rel.revision]
	if r == nil {
		return object{"result": "error", "name": e.Name, "snap-id": e.SnapID, "error": object{
			"code": "revision-not-found", "message": fmt.Sprintf("No revision was found in the %s channel.", cmpOr(a.Channel, "stable")),
			"extra": object{"releases": e.releases()},
		}}
	}
	out := object{"result": a.Action, "name": e.Name, "snap-id": e.SnapID, "snap": e.refreshed(r, fields, d.base, s.pins(e.SnapID, a.ValidationSets))}
	if a.Revision == 0 || a.Channel != "" {
		out["effective-channel"], out["released-at"] = at.Name(), rel.at
	}
	if redirect != "" {
		out["redirect-channel"] = redirect
	}
	return out
}

func (s *Store) find(a action) *entry {
	if a.Name != "" {
		return s.snaps[a.Name]
	}
	for _, e := range s.snaps {
		if e.SnapID == a.SnapID {
			return e
		}
	}
	return nil
}

// resolve returns the release for a device: from the channel, or from the next stabler risk that has one.
func (e *entry) resolve(a action, d device) (at channel.Channel, redirect string, rel release) {
	c, err := channel.Parse(cmpOr(a.Channel, channel.Stable))
	if err != nil {
		return c, "", release{}
	}
	if c.Track == "" && e.DefaultTrack != "" && d.defaultTracks {
		c.Track = e.DefaultTrack
		redirect = c.Name()
	}
	c = c.WithTrack(channel.DefaultTrack)
	if a.Revision != 0 {
		r := e.revisions[a.Revision]
		if r == nil || !r.AnyDevice && !slices.Contains(r.Architectures, d.arch) && !slices.Contains(r.Architectures, "all") {
			return c, "", release{}
		}
		return c, redirect, release{a.Revision, r.created}
	}
	for _, f := range c.Fallbacks() {
		if list, ok := e.released[slot{d.arch, f}]; ok {
			return f, redirect, e.readable(list, a.data)
		}
	}
	return c, "", release{}
}

// releases lists the existing releases, for an error.
func (e *entry) releases() []object {
	out := []object{}
	for at := range e.released {
		out = append(out, object{"architecture": at.arch, "channel": at.channel.Name()})
	}
	slices.SortFunc(out, func(a, b object) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	return out
}

// pins returns the revisions of components that validation sets pin for a snap.
func (s *Store) pins(snapID string, sets [][]string) map[string]int {
	out := make(map[string]int)
	for _, key := range sets {
		for _, set := range s.assertions[assertion.Ref{Type: "validation-set", PrimaryKey: key}.Key()] {
			snaps, _ := set.SetSnaps() // a set that no device accepts pins nothing
			for _, sn := range snaps {
				for _, c := range sn.Components {
					if sn.SnapID == snapID && c.Revision > 0 {
						out[c.Name] = c.Revision
					}
				}
			}
		}
	}
	return out
}

// gives reports whether a device with these pins gets the component i of r: the pinned revision if r has it, else the released one.
func (r *revision) gives(i int, pins map[string]int) bool {
	all := r.components()
	has := slices.ContainsFunc(all, func(c Component) bool { return c.Name == all[i].Name && c.Revision == pins[c.Name] })
	if has {
		return all[i].Revision == pins[all[i].Name]
	}
	return i < len(r.Components)
}
