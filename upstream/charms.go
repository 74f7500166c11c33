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

// DefaultCharmhubOrigin is where Charmhub is. A Client with it as its Origin asks for charms and not for snaps.
const DefaultCharmhubOrigin = "https://api.charmhub.io"

// Fields are asked for by name, since the store leaves out what isn't. A name selects all that is beneath it.
const (
	charmInfoFields = "channel-map,default-release,default-release.resources,result.bugs-url,result.categories,result.contains-charms," +
		"result.deployable-on,result.description,result.license,result.links,result.media,result.publisher,result.store-url," +
		"result.summary,result.title,result.unlisted,result.website"
	charmRefreshFields = "bases,config-yaml,download,id,license,metadata-yaml,name,publisher,resources,revision,summary,type,version"
)

// The lists of a result are bounded, since each entry costs its reader far more than the bytes that it came in.
const (
	maxCharmRows      = 50_000
	maxCharmResources = 1_000
	maxCharmBases     = 1_000
)

// CharmInfo asks what Charmhub has of the charm or charm bundle called name. With a channel, the default release of the answer is
// that channel's, nil where it has none; without, it is the default track's, which is how that is found out. What is unknown
// or has no releases is a *NotFoundError.
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

// CharmRefresh asks what Juju would get for actions, each an install or a download; an empty Action is an install. Their
// InstanceKeys are ours to choose. The results come in the order of the actions; one that the store refuses has an Error in it,
// which says with its Extra what there is instead.
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
		default: // a refresh needs a context, which an export has none of
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

// charmHeader has the headers that Juju sends, with GET too.
func charmHeader() http.Header {
	h := http.Header{}
	h.Set("Accept", "application/json")
	h.Set("Content-Type", "application/json")
	return h
}

// describeCharms names what actions are about, for errors.
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
