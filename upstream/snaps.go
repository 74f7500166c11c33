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

	"offlinestore/snap"
)

// Fields are requested by name, because the store leaves out most of the others.
const (
	infoFields = "architectures,base,categories,channel-map,common-ids,confinement,contact,created-at,description,download," +
		"epoch,license,links,media,name,prices,private,publisher,revision,snap-id,store-url,summary,title,type,version,website"
	refreshFields = "architectures,base,categories,common-ids,confinement,contact,created-at,description,download," +
		"epoch,integrity,license,links,media,name,prices,private,publisher,resources,revision,snap-id,snap-yaml,store-url,summary,title," +
		"type,version,website"
)

// Info asks the store for the snap called name: its details and its channel map for every architecture. It returns a *NotFoundError for an
// unknown snap, and for one without releases. It doesn't ask for the snap.yaml and the components, which are long and repeated in every
// row; a channel map can have hundreds of rows. Resolve asks for them.
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

// Resolve asks for the revisions that a device of architecture arch would get for actions. It sends each as a download, and ignores its
// Action and InstanceKey. The results come in the order of the actions. The result of a refused action has an Error.
func (c *Client) Resolve(ctx context.Context, arch string, actions []snap.Action) ([]snap.Result, error) {
	if err := snap.ValidateArchitecture(arch); err != nil {
		return nil, err
	}
	return inBatches(actions, func(batch []snap.Action) ([]snap.Result, error) { return c.resolve(ctx, arch, batch) })
}

func (c *Client) resolve(ctx context.Context, arch string, actions []snap.Action) ([]snap.Result, error) {
	req := downloadRequest{Context: []snap.Installed{}, Fields: strings.Split(refreshFields, ",")}
	asked := slices.Clone(actions)
	for i := range asked {
		asked[i].Action, asked[i].InstanceKey = snap.ActionDownload, instanceKey(i)
		req.Actions = append(req.Actions, downloadAction{Action: asked[i]})
	}
	resp, err := c.refresh(ctx, arch, asked, &req)
	if err != nil {
		return nil, err
	}
	results, err := matchSnaps(asked, resp)
	if err != nil {
		return nil, fmt.Errorf("resolve %s: %w", describeSnaps(actions), err)
	}
	return results, nil
}

// downloadRequest is a refresh request for downloads.
type downloadRequest struct {
	Context []snap.Installed `json:"context"`
	Actions []downloadAction `json:"actions"`
	Fields  []string         `json:"fields"`
}

// downloadAction is an action with its epoch, which is null. Without it the store takes the client for an old one that knows only
// epoch 0.
type downloadAction struct {
	snap.Action
	Epoch *snap.Epoch `json:"epoch"`
}

// refresh sends req, a refresh request with actions, for a device of architecture arch.
func (c *Client) refresh(ctx context.Context, arch string, actions []snap.Action, req any) (*snap.RefreshResponse, error) {
	body, err := json.Marshal(req)
	if err != nil {
		return nil, fmt.Errorf("encode request: %w", err)
	}
	r := request{
		what: "resolve " + describeSnaps(actions), method: http.MethodPost, header: v2Header(arch), body: body,
		url: c.endpoint(nil, "v2", "snaps", "refresh"),
	}
	r.header.Set("Content-Type", "application/json")
	var resp snap.RefreshResponse
	err = c.refreshed(ctx, func() (bool, error) {
		resp = snap.RefreshResponse{}
		err := c.getJSON(ctx, r, &resp)
		return loginTooOld(&resp), err
	})
	if err != nil {
		return nil, err
	}
	for i := range resp.ErrorList {
		e := &resp.ErrorList[i]
		e.Code, e.Message = c.secrets.redact(e.Code), c.secrets.redact(e.Message)
	}
	for i := range resp.Results {
		if e := resp.Results[i].Error; e != nil {
			e.Code, e.Message = c.secrets.redact(e.Code), c.secrets.redact(e.Message)
		}
	}
	return &resp, nil
}

// loginTooOld reports whether an answer with status 200 asks for a refreshed login.
func loginTooOld(resp *snap.RefreshResponse) bool {
	return slices.ContainsFunc(resp.ErrorList, func(e snap.Error) bool { return slices.Contains(refreshCodes, e.Code) }) ||
		slices.ContainsFunc(resp.Results, func(r snap.Result) bool { return r.Error != nil && slices.Contains(refreshCodes, r.Error.Code) })
}

// EpochQuery asks for the release of a channel for devices with data of an older epoch.
type EpochQuery struct {
	SnapID, Channel string
	Epoch           uint32
}

// ResolveEpochs returns the revisions that devices of architecture arch get for queries, in their order. Each device has revision
// AskingRevision, with data of the query's epoch. The answer is nil if the store leaves it out, which means "no update".
func (c *Client) ResolveEpochs(ctx context.Context, arch string, queries []EpochQuery) ([]*snap.Result, error) {
	if err := snap.ValidateArchitecture(arch); err != nil {
		return nil, err
	}
	return inBatches(queries, func(batch []EpochQuery) ([]*snap.Result, error) { return c.resolveEpochs(ctx, arch, batch) })
}

// AskingRevision is the installed revision of the devices of ResolveEpochs. It is the lowest, because a store may offer only
// higher ones. An answer with this revision may mean that there is no update.
const AskingRevision = 1

func (c *Client) resolveEpochs(ctx context.Context, arch string, queries []EpochQuery) ([]*snap.Result, error) {
	req := snap.RefreshRequest{Context: []snap.Installed{}, Fields: strings.Split(refreshFields, ",")}
	for i, q := range queries {
		epoch := snap.Epoch{Read: []uint32{q.Epoch}, Write: []uint32{q.Epoch}}
		req.Context = append(req.Context, snap.Installed{SnapID: q.SnapID, InstanceKey: instanceKey(i), Revision: AskingRevision,
			TrackingChannel: q.Channel, Epoch: &epoch})
		req.Actions = append(req.Actions, snap.Action{Action: snap.ActionRefresh, InstanceKey: instanceKey(i), SnapID: q.SnapID, Channel: q.Channel})
	}
	resp, err := c.refresh(ctx, arch, req.Actions, &req)
	if err != nil {
		return nil, err
	}
	results := make([]*snap.Result, len(queries))
	for i, a := range req.Actions {
		at := slices.IndexFunc(resp.Results, func(r snap.Result) bool { return r.InstanceKey == a.InstanceKey })
		if at < 0 {
			if len(resp.ErrorList) > 0 {
				return nil, fmt.Errorf("resolve %s: %w", describeSnaps(req.Actions[i:i+1]), refusalError(resp.ErrorList[0].Code, resp.ErrorList[0].Message))
			}
			continue
		}
		if err := validateSnap(a, &resp.Results[at]); err != nil {
			return nil, fmt.Errorf("%s: %w", describeSnaps(req.Actions[i:i+1]), err)
		}
		results[i] = &resp.Results[at]
	}
	return results, nil
}

// describeSnaps lists the subjects of actions for errors.
func describeSnaps(actions []snap.Action) string {
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

// matchSnaps returns the results in the order of the actions.
func matchSnaps(actions []snap.Action, resp *snap.RefreshResponse) ([]snap.Result, error) {
	var first snap.Error
	if len(resp.ErrorList) > 0 {
		first = resp.ErrorList[0]
	}
	m := matcher[snap.Action, snap.Result]{func(r *snap.Result) string { return r.InstanceKey }, validateSnap, describeSnaps}
	return m.match(actions, resp.Results, refusalError(first.Code, first.Message))
}

// validateSnap returns an error if r can't be the answer to a.
func validateSnap(a snap.Action, r *snap.Result) error {
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
