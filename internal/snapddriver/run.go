//go:build linux || darwin

package snapddriver

import (
	"encoding/json"
	"errors"
	"os/exec"
	"strings"
	"testing"
)

// These are the exit codes of snapdclient.
const (
	ExitOK      = 0
	ExitFailure = 1 // no answer, or one that snapd doesn't understand
	ExitUsage   = 2
	ExitAnswer  = 3 // the store answered with an error that snapd knows
	ExitRefused = 4 // snapd's checks refuse the store's data
)

// Answer is the output of snapdclient. Each subcommand fills some of its members.
type Answer struct {
	Code       int               `json:"-"`
	Stderr     string            `json:"-"`
	Snaps      []Snap            `json:"snaps"`
	Assertions []Assertion       `json:"assertions"`
	Sections   []string          `json:"sections"`
	CohortKeys map[string]string `json:"cohort-keys"`
	Names      []string          `json:"names"`
	Catalog    []CatalogEntry    `json:"catalog"`
	Files      map[string]string `json:"files"`
	Error      *Error            `json:"error"`  // the first of Errors
	Errors     []Error           `json:"errors"` // one for each snap, sorted by name
}

// Snap is a snap as snapd understood it.
type Snap struct {
	Name          string             `json:"name"`
	SnapID        string             `json:"snap-id"`
	Revision      int                `json:"revision"`
	Version       string             `json:"version"`
	Type          string             `json:"type"`
	Base          string             `json:"base"`
	Confinement   string             `json:"confinement"`
	Architectures []string           `json:"architectures"`
	Title         string             `json:"title"`
	Summary       string             `json:"summary"`
	Description   string             `json:"description"`
	Publisher     Publisher          `json:"publisher"`
	CommonIDs     []string           `json:"common-ids"`
	Media         []Media            `json:"media"`
	Tracks        []string           `json:"tracks"`
	Channels      map[string]Channel `json:"channels"` // by track/risk[/branch]; only from the subcommand info

	EffectiveChannel string `json:"effective-channel"`
	RedirectChannel  string `json:"redirect-channel"`
	SHA3384          string `json:"sha3-384"` // in hexadecimal digits
	Size             int64  `json:"size"`
	DownloadURL      string `json:"download-url"`

	// Path and the following fields are set for a snap that was downloaded and verified.
	Path           string   `json:"path"`
	AssertionsPath string   `json:"assertions-path"`
	Assertions     []string `json:"assertions"` // the fetched and verified assertions as TYPE/KEY..., prerequisites first
}

// Publisher is the account that publishes a snap.
type Publisher struct {
	ID          string `json:"id"`
	Username    string `json:"username"`
	DisplayName string `json:"display-name"`
	Validation  string `json:"validation"`
}

// Media is an icon or a screenshot.
type Media struct {
	Type string `json:"type"`
	URL  string `json:"url"`
}

// Channel is a row of a snap's channel map.
type Channel struct {
	Channel  string `json:"channel"`
	Revision int    `json:"revision"`
	Version  string `json:"version"`
	Size     int64  `json:"size"`
}

// Assertion is an assertion that snapd decoded and, depending on the subcommand, verified. Only the subcommand assertion
// sets Encoded.
type Assertion struct {
	Ref         string         `json:"ref"`
	Type        string         `json:"type"`
	Format      int            `json:"format"`
	Revision    int            `json:"revision"`
	AuthorityID string         `json:"authority-id"`
	Headers     map[string]any `json:"headers"`
	Encoded     string         `json:"encoded"`
}

// CatalogEntry is a snap with its commands.
type CatalogEntry struct {
	Name     string   `json:"name"`
	Version  string   `json:"version"`
	Summary  string   `json:"summary"`
	Commands []string `json:"commands"`
}

// Error is an error with the kind that snapd gave it.
type Error struct {
	Kind     string    `json:"kind"` // snap-not-found, revision-not-available, assertion-not-found, no-results, refused, ...
	Message  string    `json:"message"`
	Name     string    `json:"name"`
	Action   string    `json:"action"`
	Channel  string    `json:"channel"`
	Status   int       `json:"status"`
	Releases []Release `json:"releases"`
}

// Release is a channel that offers the snap instead.
type Release struct {
	Architecture string `json:"architecture"`
	Channel      string `json:"channel"`
}

// Run runs snapdclient and returns its answer for every exit code. The test is skipped if Build skips it.
func Run(tb testing.TB, args ...string) *Answer {
	tb.Helper()
	cmd := exec.CommandContext(tb.Context(), Build(tb), args...)
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	a := &Answer{Code: cmd.ProcessState.ExitCode(), Stderr: stderr.String()}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		tb.Fatalf("run snapdclient %q: %v", args, err)
	}
	if stdout.Len() == 0 {
		return a
	}
	if err := json.Unmarshal([]byte(stdout.String()), a); err != nil {
		tb.Fatalf("snapdclient %q prints no JSON: %v\n%s", args, err, stdout.String())
	}
	return a
}
