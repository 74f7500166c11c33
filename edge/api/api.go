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
const (
	ReleasesPath = "/v2/edge/releases"
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

// The bounds of an answer: in bytes, and in time.
const (
	maxAnswer = 64 << 20
	timeout   = time.Minute
)

// ErrNoEdge means that a store answers, but not as an online one.
var ErrNoEdge = errors.New("it is no online store, or one that is in air-gapped mode")

// List asks the online store at a URL for the releases of its public snaps. The error may be ErrNoEdge.
func List(ctx context.Context, client *http.Client, origin, userAgent string) (*Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(origin, "/")+ReleasesPath, nil)
	if err != nil {
		return nil, reason(err)
	}
	r.Header.Set("User-Agent", userAgent)
	resp, err := client.Do(r)
	if err != nil {
		return nil, reason(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusNotFound {
		return nil, ErrNoEdge
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the store answers with status %d", resp.StatusCode)
	}
	text, err := blob.ReadAll(resp.Body, maxAnswer)
	if err != nil {
		return nil, fmt.Errorf("read the list of given revisions: %w", err)
	}
	a := new(Answer)
	if err := json.Unmarshal(text, a); err != nil {
		return nil, fmt.Errorf("read the list of given revisions: %w: %w", ErrNoEdge, err)
	}
	return a, nil
}

// reason returns the reason of an error without the URL, which the caller names.
func reason(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}
