// Package api has the messages about the revisions that the devices of an online store were given, and asks for them.
package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"offlinestore/blob"
)

// ReleasesPath is the path of the list of releases. GivenPath begins the paths of a Snap Store that knows the given revisions in place of upstream's present ones.
// CharmsPath is the path of the list of charms; Charmhub is below GivenPath, too.
const (
	ReleasesPath = "/v2/edge/releases"
	CharmsPath   = "/v2/edge/charms"
	GivenPath    = "/v2/edge/given"
)

// Release is a revision that devices were given for a channel.
type Release struct {
	Name   string `json:"name"`
	SnapID string `json:"snap-id"`
	// Architecture is the one of the devices.
	Architecture string `json:"architecture"`
	// Channel includes its track. It is empty if devices asked for the revision by its number.
	Channel  string `json:"channel"`
	Revision int    `json:"revision"`
	Version  string `json:"version"`
	// Size is the one of the snap in bytes, and SHA3384 its digest in hexadecimal digits.
	Size    int64  `json:"size"`
	SHA3384 string `json:"sha3-384"`
	// Cached is set if the store holds the file.
	Cached bool `json:"cached"`
	// Seen is the time at which devices were given it last, within an hour.
	Seen time.Time `json:"seen"`
}

// Answer is the answer of ReleasesPath.
type Answer struct {
	Releases []Release `json:"releases"`
	// Private counts the releases of private snaps, which the list leaves out.
	Private int `json:"private"`
}

// Charm is a revision of a charm that Juju was given.
type Charm struct {
	Name string `json:"name"`
	ID   string `json:"id"`
	// Architecture and Base ("ubuntu/22.04") are the ones that Juju asked for. Both are empty if it asked for the revision by its number.
	Architecture string `json:"architecture"`
	Base         string `json:"base"`
	// Channel includes its track. It is empty if Juju asked for the revision by its number.
	Channel  string `json:"channel"`
	Revision int    `json:"revision"`
	Version  string `json:"version"`
	// Size is the one of the charm in bytes, and SHA256 its digest in hexadecimal digits.
	Size   int64  `json:"size"`
	SHA256 string `json:"sha-256"`
	// Cached is set if the store holds the file.
	Cached bool `json:"cached"`
	// Seen is the time at which Juju was given it last, within an hour.
	Seen time.Time `json:"seen"`
}

// CharmsAnswer is the answer of CharmsPath.
type CharmsAnswer struct {
	Charms []Charm `json:"charms"`
}

// The bounds of an answer: in bytes, and in time.
const (
	maxAnswer = 64 << 20
	timeout   = time.Minute
)

// ErrNoEdge means that a store answers, but not as an online one.
var ErrNoEdge = errors.New("it is no online store, or one that is in air-gapped mode")

// List asks the online store at a URL for the releases of its public snaps. The error may be ErrNoEdge.
func List(ctx context.Context, client *http.Client, origin, userAgent string) (*Answer, error) {
	a := new(Answer)
	err := list(ctx, client, strings.TrimSuffix(origin, "/")+ReleasesPath, userAgent, a)
	return a, err
}

// ListCharms asks the online store at a URL for the charms that Juju was given. The error may be ErrNoEdge.
func ListCharms(ctx context.Context, client *http.Client, origin, userAgent string) ([]Charm, error) {
	var a CharmsAnswer
	err := list(ctx, client, strings.TrimSuffix(origin, "/")+CharmsPath, userAgent, &a)
	return a.Charms, err
}

// list decodes the answer of a path.
func list(ctx context.Context, client *http.Client, address, userAgent string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return reason(err)
	}
	r.Header.Set("User-Agent", userAgent)
	resp, err := client.Do(r)
	if err != nil {
		return reason(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusNotFound {
		return ErrNoEdge
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the store answers with status %d", resp.StatusCode)
	}
	text, err := blob.ReadAll(resp.Body, maxAnswer)
	if err != nil {
		return fmt.Errorf("read the list of given revisions: %w", err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("read the list of given revisions: %w: %w", ErrNoEdge, err)
	}
	return nil
}

// reason returns the reason of an error without the URL, which the caller names.
func reason(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}
