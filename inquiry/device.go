package inquiry

import (
	"encoding/json"
	"fmt"
	"strings"

	"offlinestore/snap"
)

// Device is a device that asks for a snap. Channel and Revision may be empty.
type Device struct {
	Architecture, Channel string
	Revision              int
	// Epoch is the epoch of the data that the device has. It is negative if the snap is not installed.
	Epoch int
}

// Snap asks for a snap like the device's snapd.
func (s *Store) Snap(d Device, name string) (Answer, error) {
	raw, err := s.send("/v2/snaps/refresh", d.Architecture, s.request(d, name))
	if err != nil {
		return Answer{}, err
	}
	var body snap.RefreshResponse
	if err := json.Unmarshal(raw, &body); err != nil {
		return Answer{}, fmt.Errorf("the server's answer: %w", err)
	}
	a, err := snapAnswer(&body)
	if found, ferr := s.catalog.Snap(name); ferr == nil && found.Store != "" {
		a.Private, a.Stores = true, s.catalog.StoresOf(found)
	}
	return a, err
}

// request returns what snapd sends: an installation, or the refresh of an installed snap.
func (s *Store) request(d Device, name string) snap.RefreshRequest {
	a := snap.Action{Action: snap.ActionInstall, InstanceKey: instanceKey, Name: name, Channel: d.Channel, Revision: d.Revision}
	req := snap.RefreshRequest{Context: []snap.Installed{}, Fields: []string{"revision", "version"}}
	// The answer to an installation tells if there is no such snap.
	if found, err := s.catalog.Snap(name); err == nil && d.Epoch >= 0 {
		a.Action, a.SnapID, a.Name = snap.ActionRefresh, found.SnapID, ""
		n := uint32(d.Epoch)
		req.Context = append(req.Context, snap.Installed{SnapID: found.SnapID, InstanceKey: instanceKey, TrackingChannel: d.Channel, Epoch: &snap.Epoch{Read: []uint32{n}, Write: []uint32{n}}})
	}
	req.Actions = []snap.Action{a}
	return req
}

// snapAnswer returns the one result of a response.
func snapAnswer(body *snap.RefreshResponse) (Answer, error) {
	if len(body.ErrorList) > 0 {
		return Answer{Result: "error", Code: body.ErrorList[0].Code, Reason: body.ErrorList[0].Message}, nil
	}
	if len(body.Results) == 0 {
		return Answer{Result: "none", Reason: "nothing that the device can use: it keeps what it has"}, nil
	}
	r := body.Results[0]
	switch {
	case r.Error != nil:
		return Answer{Result: r.Result, Code: r.Error.Code, Reason: r.Error.Message}, nil
	case r.Snap == nil:
		return Answer{}, fmt.Errorf("the server's answer has no snap")
	}
	return Answer{Result: r.Result, Revision: r.Snap.Revision.Number, Version: r.Snap.Version, Channel: r.EffectiveChannel, Redirect: r.RedirectChannel}, nil
}

// Sentence returns the answer for a device in words.
func (a Answer) Sentence() string {
	if a.Revision == 0 {
		return "nothing: " + a.Reason
	}
	s := fmt.Sprintf("revision %d, version %s", a.Revision, a.Version)
	if a.Channel != "" {
		s += ", from " + a.Channel
	}
	if a.Redirect != "" {
		s += "; the device will follow " + a.Redirect
	}
	switch {
	case a.Private && len(a.Stores) == 0:
		s += "; no device gets it: it is private, and has left its store"
	case a.Private:
		s += "; only for devices of the store " + strings.Join(a.Stores, " or ") + ", of stores below and of friends"
	}
	return s
}
