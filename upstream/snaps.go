package upstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"offlinestore/snap"
)

// maxActions is how many actions one refresh request carries.
const maxActions = 50

// Fields are asked for by name, since the store leaves out most of what isn't.
const (
	infoFields = "architectures,base,categories,channel-map,common-ids,confinement,contact,created-at,description,download," +
		"epoch,license,links,media,name,prices,private,publisher,revision,snap-id,store-url,summary,title,type,version,website"
	refreshFields = "architectures,base,categories,common-ids,confinement,contact,created-at,description,download," +
		"epoch,license,links,media,name,prices,private,publisher,resources,revision,snap-id,snap-yaml,store-url,summary,title," +
		"type,version,website"
)

// Info asks what the store has of the snap called name: its details and its channel map for every architecture. A snap
// that is unknown or has no releases is a *NotFoundError. What is long and repeated in every row, the snap.yaml and the
// components, is left to Resolve: a channel map can have hundreds of rows.
func (c *Client) Info(ctx context.Context, name string) (*snap.InfoResponse, error) {
	if err := snap.ValidateName(name); err != nil {
		return nil, err
	}
	subject := "snap " + name
	fields := url.Values{"fields": {infoFields}}
	r := request{what: subject, method: http.MethodGet, header: v2Header(""), url: c.endpoint(fields, "v2", "snaps", "info", name)}
	var info snap.InfoResponse
	if err := c.getJSON(ctx, r, &info); err != nil {
		return nil, notFound(subject, err)
	}
	switch {
	case info.Name != name:
		return nil, fmt.Errorf("%s: the store answered about %.60q", subject, info.Name)
	case snap.ValidateID(info.SnapID) != nil:
		return nil, fmt.Errorf("%s: %w", subject, snap.ValidateID(info.SnapID))
	case len(info.ChannelMap) == 0:
		return nil, &NotFoundError{Subject: subject, Reason: "it has no releases"}
	}
	return &info, nil
}

// Resolve asks which revisions a device of architecture arch would get for actions. Each is sent as a download, whatever
// its Action and InstanceKey say; the results come in the order of the actions. An action that the store refuses has a
// Result with an Error in it.
func (c *Client) Resolve(ctx context.Context, arch string, actions []snap.Action) ([]snap.Result, error) {
	if err := snap.ValidateArchitecture(arch); err != nil {
		return nil, err
	}
	results := make([]snap.Result, 0, len(actions))
	for len(actions) > 0 {
		n := min(maxActions, len(actions))
		batch, err := c.resolve(ctx, arch, actions[:n])
		if err != nil {
			return nil, err
		}
		results, actions = append(results, batch...), actions[n:]
	}
	return results, nil
}

func (c *Client) resolve(ctx context.Context, arch string, actions []snap.Action) ([]snap.Result, error) {
	req := snap.RefreshRequest{Context: []snap.Installed{}, Fields: strings.Split(refreshFields, ",")}
	for i, a := range actions {
		a.Action, a.InstanceKey = snap.ActionDownload, instanceKey(i)
		req.Actions = append(req.Actions, a)
	}
	body, err := json.Marshal(req)
	if err != nil {
		return nil, fmt.Errorf("encode request: %w", err)
	}
	r := request{
		what: "resolve " + describe(actions), method: http.MethodPost, header: v2Header(arch), body: body,
		url: c.endpoint(nil, "v2", "snaps", "refresh"),
	}
	r.header.Set("Content-Type", "application/json")
	var resp snap.RefreshResponse
	if err := c.getJSON(ctx, r, &resp); err != nil {
		return nil, err
	}
	results, err := match(req.Actions, &resp)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.what, err)
	}
	return results, nil
}

func instanceKey(i int) string { return "download-" + strconv.Itoa(i+1) }

// describe names what actions are about, for errors.
func describe(actions []snap.Action) string {
	a := actions[0]
	s := a.Name
	if s == "" {
		s = a.SnapID
	}
	if a.Revision != 0 {
		s += " revision " + strconv.Itoa(a.Revision)
	} else if a.Channel != "" {
		s += " " + a.Channel
	}
	if len(actions) > 1 {
		s += fmt.Sprintf(" and %d more", len(actions)-1)
	}
	return clean(s)
}

// match puts the results in the order of the actions.
func match(actions []snap.Action, resp *snap.RefreshResponse) ([]snap.Result, error) {
	index := make(map[string]int, len(actions))
	for i, a := range actions {
		index[a.InstanceKey] = i
	}
	results := make([]snap.Result, len(actions))
	for _, r := range resp.Results {
		i, ok := index[r.InstanceKey]
		if !ok {
			return nil, fmt.Errorf("the store answered what was not asked, or twice: instance-key %.60q", r.InstanceKey)
		}
		delete(index, r.InstanceKey)
		if err := checkResult(actions[i], &r); err != nil {
			return nil, fmt.Errorf("%s: %w", describe(actions[i:i+1]), err)
		}
		results[i] = r
	}
	for i := range actions {
		if _, missing := index[instanceKey(i)]; !missing {
			continue
		}
		err := errors.New("the store did not answer it")
		if len(resp.ErrorList) > 0 {
			err = fmt.Errorf("the store did not answer it: %s (%s)", clean(resp.ErrorList[0].Message), clean(resp.ErrorList[0].Code))
		}
		return nil, fmt.Errorf("%s: %w", describe(actions[i:i+1]), err)
	}
	return results, nil
}

// checkResult says whether r can be the answer to a.
func checkResult(a snap.Action, r *snap.Result) error {
	if r.Result == "error" {
		if r.Error == nil {
			return errors.New("the store answered an error without saying which")
		}
		return nil
	}
	switch {
	case r.Result != a.Action:
		return fmt.Errorf("the store answered %.40q to %q", r.Result, a.Action)
	case r.Snap == nil:
		return errors.New("the store answered without a snap")
	case a.Name != "" && (r.Name != a.Name || r.Snap.Name != a.Name):
		return fmt.Errorf("the store answered about %.60q", r.Name)
	case a.SnapID != "" && r.SnapID != a.SnapID || r.SnapID != r.Snap.SnapID:
		return fmt.Errorf("the store answered about snap-id %.60q", r.SnapID)
	case a.Revision != 0 && r.Snap.Revision.Number != a.Revision:
		return fmt.Errorf("the store answered with revision %d", r.Snap.Revision.Number)
	}
	return snap.ValidateID(r.SnapID)
}
