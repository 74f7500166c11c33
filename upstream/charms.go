package upstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"offlinestore/charm"
)

// DefaultCharmhubOrigin is the address of Charmhub. A Client with this Origin asks for charms and not for snaps.
const DefaultCharmhubOrigin = "https://api.charmhub.io"

// Fields are requested by name, because the store leaves out the others. A name includes everything beneath it.
const (
	charmInfoFields = "channel-map,default-release,default-release.resources,result.bugs-url,result.categories,result.contains-charms," +
		"result.deployable-on,result.description,result.license,result.links,result.media,result.publisher,result.store-url," +
		"result.summary,result.title,result.unlisted,result.website"
	charmRefreshFields = "bases,config-yaml,download,id,license,metadata-yaml,name,publisher,resources,revision,summary,type,version"
)

// The lists of a result are bounded, because decoding an entry costs far more than its bytes.
const (
	maxCharmRows      = 50_000
	maxCharmResources = 1_000
	maxCharmBases     = 1_000
)

// CharmInfo asks Charmhub for the charm or charm bundle called name. With a channel, the default release in the answer is the one of that
// channel, or nil if it holds none. Without a channel, it is the one of the default track, which shows that track. CharmInfo returns a
// *NotFoundError for an unknown charm, and for one without releases.
func (c *Client) CharmInfo(ctx context.Context, name, channel string) (*charm.InfoResponse, error) {
	if err := charm.ValidateName(name); err != nil {
		return nil, err
	}
	subject := "charm " + name
	query := url.Values{"fields": {charmInfoFields}}
	if channel != "" {
		query.Set("channel", channel)
		subject += " " + clean(channel)
	}
	r := request{what: subject, method: http.MethodGet, header: charmHeader(), url: c.endpoint(query, "v2", "charms", "info", name)}
	var info charm.InfoResponse
	if err := c.getJSON(ctx, r, &info); err != nil {
		return nil, notFound(subject, err)
	}
	switch {
	case info.Name != name:
		return nil, fmt.Errorf("%s: the store answered about %.60q", subject, info.Name)
	case charm.ValidateID(info.ID) != nil:
		return nil, fmt.Errorf("%s: %w", subject, charm.ValidateID(info.ID))
	case info.Type != charm.TypeCharm && info.Type != charm.TypeBundle:
		return nil, fmt.Errorf("%s: the store answered with the type %.60q", subject, info.Type)
	case len(info.ChannelMap) > maxCharmRows:
		return nil, fmt.Errorf("%s: the channel map has %d rows, over the limit of %d", subject, len(info.ChannelMap), maxCharmRows)
	case len(info.ChannelMap) == 0 && info.DefaultRelease == nil:
		return nil, &NotFoundError{Subject: subject, Reason: "it has no releases"}
	}
	if d := info.DefaultRelease; d != nil {
		if err := validateResources(d.Resources); err != nil {
			return nil, fmt.Errorf("%s: %w", subject, err)
		}
	}
	return &info, nil
}

// CharmRefresh asks for the revisions that Juju would get for actions, each an install or a download; an empty Action is an install. It sets
// the InstanceKeys itself. The results come in the order of the actions. The result of a refused action has an Error, whose Extra lists
// alternatives.
func (c *Client) CharmRefresh(ctx context.Context, actions []charm.Action) ([]charm.Result, error) {
	return inBatches(actions, func(batch []charm.Action) ([]charm.Result, error) { return c.charmRefresh(ctx, batch) })
}

func (c *Client) charmRefresh(ctx context.Context, actions []charm.Action) ([]charm.Result, error) {
	req := charm.RefreshRequest{Context: []charm.Context{}, Fields: strings.Split(charmRefreshFields, ",")}
	for i, a := range actions {
		switch a.Action {
		case "":
			a.Action = charm.ActionInstall
		case charm.ActionInstall, charm.ActionDownload:
		default: // a refresh needs a context, which an export doesn't have
			return nil, fmt.Errorf("%s: %q is neither an install nor a download", describeCharms(actions[i:]), a.Action)
		}
		a.InstanceKey = instanceKey(i)
		req.Actions = append(req.Actions, a)
	}
	body, err := json.Marshal(req)
	if err != nil {
		return nil, fmt.Errorf("encode request: %w", err)
	}
	r := request{
		what: "resolve " + describeCharms(actions), method: http.MethodPost, header: charmHeader(), body: body,
		url: c.endpoint(nil, "v2", "charms", "refresh"),
	}
	var resp charm.RefreshResponse
	if err := c.getJSON(ctx, r, &resp); err != nil {
		return nil, err
	}
	results, err := matchCharms(req.Actions, &resp)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.what, err)
	}
	return results, nil
}

// CharmResourceRevisions asks for all revisions of a charm's resource, the newest first.
func (c *Client) CharmResourceRevisions(ctx context.Context, name, resource string) ([]charm.Resource, error) {
	subject := fmt.Sprintf("charm %.60s: resource %.60s", name, resource)
	if err := errors.Join(charm.ValidateName(name), charm.ValidateResourceName(resource)); err != nil {
		return nil, err
	}
	r := request{
		what: subject, method: http.MethodGet, header: charmHeader(),
		url: c.endpoint(nil, "v2", "charms", "resources", name, resource, "revisions"),
	}
	var resp charm.ResourceRevisionsResponse
	if err := c.getJSON(ctx, r, &resp); err != nil {
		return nil, notFound(subject, err)
	}
	seen := make(map[int]bool, len(resp.Revisions))
	for i := range resp.Revisions {
		rev := &resp.Revisions[i]
		switch err := validateResource(rev); {
		case err != nil:
			return nil, fmt.Errorf("%s: %w", subject, err)
		case rev.Name != resource:
			return nil, fmt.Errorf("%s: the store answered about %.60q", subject, rev.Name)
		case seen[rev.Revision]:
			return nil, fmt.Errorf("%s: the store answered with revision %d twice", subject, rev.Revision)
		}
		seen[rev.Revision] = true
	}
	slices.SortStableFunc(resp.Revisions, func(a, b charm.Resource) int { return b.Revision - a.Revision })
	return resp.Revisions, nil
}

// charmHeader returns the headers that Juju sends, also with GET.
func charmHeader() http.Header {
	h := http.Header{}
	h.Set("Accept", "application/json")
	h.Set("Content-Type", "application/json")
	return h
}

// describeCharms lists the subjects of actions for errors.
func describeCharms(actions []charm.Action) string {
	a := actions[0]
	var s string
	switch {
	case a.Name != nil:
		s = "charm " + *a.Name
	case a.ID != nil:
		s = "charm " + *a.ID
	}
	if a.Revision != nil {
		s += " revision " + strconv.Itoa(*a.Revision)
	} else if a.Channel != nil {
		s += " " + *a.Channel
	}
	if a.Base != nil && a.Base.Name != charm.NotApplicable {
		s += " for " + a.Base.String()
	}
	if len(actions) > 1 {
		s += fmt.Sprintf(" and %d more", len(actions)-1)
	}
	return clean(s)
}

// matchCharms returns the results in the order of the actions.
func matchCharms(actions []charm.Action, resp *charm.RefreshResponse) ([]charm.Result, error) {
	var first charm.Error
	if len(resp.ErrorList) > 0 {
		first = resp.ErrorList[0]
	}
	m := matcher[charm.Action, charm.Result]{func(r *charm.Result) string { return r.InstanceKey }, validateCharm, describeCharms}
	return m.match(actions, resp.Results, refusalError(first.Code, first.Message))
}
