package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"offlinestore/catalog"
	"offlinestore/charm"
	"offlinestore/cmd/internal/cli"
	"offlinestore/server"
)

// whyCharm is the result of why for a charm or charm bundle.
type whyCharm struct {
	whyAnswer
	// Base is the base that Juju would choose. Bases are the other ones with a release in the channel.
	Base  string   `json:"base,omitempty"`
	Bases []string `json:"bases,omitempty"`
	// Resources come with the revision: "data 20".
	Resources []string `json:"resources,omitempty"`
	// Applications are the applications of a charm bundle.
	Applications []whyApplication `json:"applications,omitempty"`
}

// whyApplication is the result for an application of a charm bundle.
type whyApplication struct {
	Application string `json:"application"`
	Charm       string `json:"charm"`
	Requested   string `json:"requested-channel,omitempty"`
	whyCharm
}

// charmAsker asks a server like Juju.
type charmAsker struct {
	server *server.Server
	cat    *catalog.Snapshot
	arch   string
}

// charmRequest names what Juju asks for. Base has no architecture.
type charmRequest struct {
	name, channel string
	revision      *int
	base          charm.Base
}

// whyCharm answers for a charm or charm bundle of the catalogue.
func (o *whyOptions) whyCharm(s *server.Server, cat *catalog.Snapshot, name string) (*whyCharm, error) {
	r := charmRequest{name: name, channel: o.channel}
	if o.revision > 0 {
		r.revision = &o.revision
	}
	if o.base != "" {
		base, err := charm.ParseBase(o.base)
		if err != nil {
			return nil, cli.Usagef("--base: %w", err)
		}
		r.base = base
	}
	a := charmAsker{s, cat, o.arch}
	out, entity, err := a.ask(r)
	if err != nil || entity == nil || entity.Type != charm.TypeBundle {
		return out, err
	}
	f, err := charm.ParseBundle([]byte(entity.BundleYAML))
	if err != nil {
		return nil, fmt.Errorf("bundle.yaml of %s revision %d: %w", name, entity.Revision, err)
	}
	for _, app := range f.Applications {
		asked := app.Channel
		if app.Local {
			continue // it is a file of the operator's machine
		}
		one := charmAsker{s, cat, o.arch}
		if archs := slices.Concat(app.Architectures, app.Beside); len(archs) > 0 && !slices.Contains(archs, o.arch) {
			one.arch = archs[0]
		}
		got, _, err := one.ask(charmRequest{app.Charm, asked, app.Revision, app.Base})
		if err != nil {
			return nil, err
		}
		out.Applications = append(out.Applications, whyApplication{app.Name, app.Charm, asked, *got})
	}
	return out, nil
}

// ask asks for a charm. If the request has no base, Juju takes the first base that the server offers.
func (a charmAsker) ask(r charmRequest) (*whyCharm, *charm.Entity, error) {
	out := &whyCharm{}
	base := charm.Base{Architecture: a.arch, Name: charm.NotApplicable, Channel: charm.NotApplicable}
	if r.base != (charm.Base{}) {
		base.Name, base.Channel = r.base.Name, r.base.Channel
	}
	got, err := a.send(r, base)
	if err == nil && got.Error != nil && got.Error.Code == charm.CodeInvalidBase && got.Error.Extra != nil && len(got.Error.Extra.DefaultBases) > 0 {
		bases := got.Error.Extra.DefaultBases
		base = bases[0]
		for _, b := range bases[1:] {
			out.Bases = append(out.Bases, b.String())
		}
		got, err = a.send(r, base)
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
	if problem := a.wrongBase(e, base); problem != "" {
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
func (a charmAsker) wrongBase(e *charm.Entity, base charm.Base) string {
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

// send sends one action and returns its result.
func (a charmAsker) send(r charmRequest, base charm.Base) (*charm.Result, error) {
	action := charm.Action{Action: charm.ActionInstall, InstanceKey: "why", Name: &r.name, Revision: r.revision, Base: &base}
	if r.channel != "" || r.revision == nil {
		action.Channel = &r.channel
	}
	answer, err := ask(a.server, "/v2/charms/refresh", a.arch, charm.RefreshRequest{Context: []charm.Context{}, Actions: []charm.Action{action}})
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

func (c *whyCharm) print(w io.Writer, name, arch string) error {
	fmt.Fprintf(w, "%s for %s: %s\n", cli.Clean(name), cli.Clean(arch), cli.Clean(c.sentence()))
	for _, app := range c.Applications {
		what := app.Charm
		if app.Requested != "" {
			what += " from " + app.Requested
		}
		fmt.Fprintf(w, "  %s (%s): %s\n", cli.Clean(app.Application), cli.Clean(what), cli.Clean(app.sentence()))
	}
	return nil
}

// sentence returns the answer in words.
func (c *whyCharm) sentence() string {
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
