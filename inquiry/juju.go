package inquiry

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"offlinestore/charm"
)

// Juju is a Juju controller that asks for a charm or charm bundle, for machines of an architecture. Everything else may be empty.
type Juju struct {
	Architecture, Channel string
	Revision              *int
	// Base is the base of the machine. Its architecture is ignored. Without it, Juju chooses one.
	Base charm.Base
}

// CharmAnswer is the outcome for Juju.
type CharmAnswer struct {
	Answer
	// Base is the base that Juju would choose. Bases are the other ones with a release in the channel.
	Base  string   `json:"base,omitempty"`
	Bases []string `json:"bases,omitempty"`
	// Resources come with the revision: "data 20".
	Resources []string `json:"resources,omitempty"`
	// Applications are the applications of a charm bundle.
	Applications []Application `json:"applications,omitempty"`
}

// Application is the outcome for an application of a charm bundle.
type Application struct {
	Application string `json:"application"`
	Charm       string `json:"charm"`
	Requested   string `json:"requested-channel,omitempty"`
	CharmAnswer
}

// Charm asks for a charm or charm bundle, and for the charms of a bundle's applications.
func (s *Store) Charm(j Juju, name string) (*CharmAnswer, error) {
	out, entity, err := s.charm(j, name)
	if err != nil || entity == nil || entity.Type != charm.TypeBundle {
		return out, err
	}
	f, err := charm.ParseBundle([]byte(entity.BundleYAML))
	if err != nil {
		return nil, fmt.Errorf("bundle.yaml of %s revision %d: %w", name, entity.Revision, err)
	}
	for _, app := range f.Applications {
		if app.Local {
			continue // it is a file of the operator's machine
		}
		one := Juju{j.Architecture, app.Channel, app.Revision, app.Base}
		if archs := slices.Concat(app.Architectures, app.Beside); len(archs) > 0 && !slices.Contains(archs, j.Architecture) {
			one.Architecture = archs[0]
		}
		got, _, err := s.charm(one, app.Charm)
		if err != nil {
			return nil, err
		}
		out.Applications = append(out.Applications, Application{app.Name, app.Charm, app.Channel, *got})
	}
	return out, nil
}

// charm asks for a charm. If the request has no base, Juju takes the first base that the server offers.
func (s *Store) charm(j Juju, name string) (*CharmAnswer, *charm.Entity, error) {
	out := &CharmAnswer{}
	base := charm.Base{Architecture: j.Architecture, Name: charm.NotApplicable, Channel: charm.NotApplicable}
	if j.Base != (charm.Base{}) {
		base.Name, base.Channel = j.Base.Name, j.Base.Channel
	}
	got, err := s.sendCharm(j, name, base)
	if err == nil && got.Error != nil && got.Error.Code == charm.CodeInvalidBase && got.Error.Extra != nil && len(got.Error.Extra.DefaultBases) > 0 {
		bases := got.Error.Extra.DefaultBases
		base = bases[0]
		for _, b := range bases[1:] {
			out.Bases = append(out.Bases, b.String())
		}
		got, err = s.sendCharm(j, name, base)
	}
	if err != nil {
		return nil, nil, err
	}
	out.Result = got.Result
	if got.Error != nil {
		out.Code, out.Reason = got.Error.Code, got.Error.Message
		return out, nil, nil
	}
	e := got.Charm
	if e == nil {
		return nil, nil, fmt.Errorf("the server's answer has no charm")
	}
	if problem := wrongBase(e, base); problem != "" {
		out.Result, out.Code, out.Reason = "error", charm.CodeInvalidBase, problem
		return out, nil, nil
	}
	out.Revision, out.Version, out.Channel, out.Redirect = e.Revision, e.Version, got.EffectiveChannel, got.RedirectChannel
	if base.Name != charm.NotApplicable && e.Type != charm.TypeBundle {
		out.Base = base.String()
	}
	for _, res := range e.Resources {
		out.Resources = append(out.Resources, fmt.Sprintf("%s %d", res.Name, res.Revision))
	}
	return out, e, nil
}

// wrongBase returns the reason for which Juju refuses a revision that it asked for by number: the server does not look at the base then.
func wrongBase(e *charm.Entity, base charm.Base) string {
	if e.Type == charm.TypeBundle || len(e.Bases) == 0 {
		return ""
	}
	var runs []string
	for _, b := range e.Bases {
		if b == nil {
			continue
		}
		system := base.Name == charm.NotApplicable || b.Name == base.Name && strings.HasPrefix(b.Channel+"/", base.Channel+"/")
		if system && (b.Architecture == base.Architecture || b.Architecture == charm.All) {
			return ""
		}
		runs = append(runs, b.String())
	}
	return fmt.Sprintf("revision %d runs on %s", e.Revision, strings.Join(runs, ", "))
}

// sendCharm sends one action and returns its result.
func (s *Store) sendCharm(j Juju, name string, base charm.Base) (*charm.Result, error) {
	action := charm.Action{Action: charm.ActionInstall, InstanceKey: instanceKey, Name: &name, Revision: j.Revision, Base: &base}
	if j.Channel != "" || j.Revision == nil {
		action.Channel = &j.Channel
	}
	answer, err := s.send("/v2/charms/refresh", j.Architecture, charm.RefreshRequest{Context: []charm.Context{}, Actions: []charm.Action{action}})
	if err != nil {
		return nil, err
	}
	var body charm.RefreshResponse
	if err := json.Unmarshal(answer, &body); err != nil {
		return nil, fmt.Errorf("the server's answer: %w", err)
	}
	switch {
	case len(body.ErrorList) > 0:
		return &charm.Result{Result: "error", Error: &body.ErrorList[0]}, nil
	case len(body.Results) == 0:
		return nil, fmt.Errorf("the server's answer has no result")
	}
	return &body.Results[0], nil
}

// Sentence returns the answer for Juju in words, without the applications.
func (c *CharmAnswer) Sentence() string {
	if c.Code != "" {
		return "nothing: " + c.Reason
	}
	s := fmt.Sprintf("revision %d", c.Revision)
	if c.Version != "" {
		s += ", version " + c.Version
	}
	if c.Channel != "" {
		s += ", from " + c.Channel
	}
	if c.Base != "" {
		s += ", on " + c.Base
	}
	if len(c.Resources) > 0 {
		s += "; with " + strings.Join(c.Resources, ", ")
	}
	if len(c.Bases) > 0 {
		s += "; also on " + strings.Join(c.Bases, ", ")
	}
	return s
}
