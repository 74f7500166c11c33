package main

import (
	"cmp"
	"errors"
	"slices"

	"github.com/snapcore/snapd/asserts"
	"github.com/snapcore/snapd/store"
)

// These are the exit codes; doc.go documents them.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
	exitAnswer  = 3
	exitRefused = 4
)

// errorReport is the printed form of an error.
type errorReport struct {
	Kind     string    `json:"kind"`
	Message  string    `json:"message"`
	Name     string    `json:"name,omitempty"`
	Action   string    `json:"action,omitempty"`
	Channel  string    `json:"channel,omitempty"`
	Status   int       `json:"status,omitempty"`
	Releases []release `json:"releases,omitempty"`
}

// release is a channel that offers a snap which was not found in the requested one.
type release struct {
	Architecture string `json:"architecture"`
	Channel      string `json:"channel"`
}

// refusedError marks data from the store that snapd's checks refuse.
type refusedError struct{ err error }

func (e *refusedError) Error() string { return e.err.Error() }
func (e *refusedError) Unwrap() error { return e.err }

// answerKinds are the kinds of error that the store itself answers.
var answerKinds = []string{"snap-not-found", "revision-not-available", "no-update", "assertion-not-found", "bad-query", "no-results"}

func exitCode(err error) int {
	if err == nil {
		return exitOK
	}
	code := exitAnswer
	for _, r := range describe(err) {
		switch {
		case r.Kind == "refused" || r.Kind == "hash-mismatch":
			return exitRefused
		case !slices.Contains(answerKinds, r.Kind):
			code = exitFailure
		}
	}
	return code
}

// describe returns the reports of err: one report, or for an action on several snaps one for each snap that failed, sorted
// by name.
func describe(err error) []errorReport {
	var action *store.SnapActionError
	if !errors.As(err, &action) {
		return []errorReport{describeOne(err)}
	}
	var reports []errorReport
	add := func(verb, name string, err error) {
		r := describeOne(err)
		r.Name = name
		r.Action = cmp.Or(r.Action, verb)
		reports = append(reports, r)
	}
	for name, err := range action.Install {
		add("install", name, err)
	}
	for name, err := range action.Download {
		add("download", name, err)
	}
	for name, err := range action.Refresh {
		add("refresh", name, err)
	}
	slices.SortFunc(reports, func(a, b errorReport) int { return cmp.Compare(a.Name, b.Name) })
	for _, err := range action.Other {
		add("", "", err)
	}
	if len(reports) == 0 {
		reports = append(reports, errorReport{Kind: "no-results", Message: err.Error()})
	}
	return reports
}

func describeOne(err error) errorReport {
	r := errorReport{Kind: "other", Message: err.Error()}
	var (
		refused     *refusedError
		hash        store.HashError
		unavailable *store.RevisionNotAvailableError
		download    *store.DownloadError
		status      *store.UnexpectedHTTPStatusError
		missing     *asserts.NotFoundError
	)
	switch {
	case errors.As(err, &refused):
		r.Kind = "refused"
	case errors.As(err, &hash):
		r.Kind = "hash-mismatch"
	case errors.As(err, &unavailable):
		r.Kind, r.Action, r.Channel = "revision-not-available", unavailable.Action, unavailable.Channel
		for _, c := range unavailable.Releases {
			r.Releases = append(r.Releases, release{Architecture: c.Architecture, Channel: c.Name})
		}
	case errors.As(err, &download):
		r.Kind, r.Status = "download", download.Code
	case errors.As(err, &status):
		r.Kind, r.Status = "http-status", status.StatusCode
	case errors.As(err, &missing), errors.Is(err, asserts.ErrUnresolved):
		r.Kind = "assertion-not-found"
	case errors.Is(err, store.ErrSnapNotFound):
		r.Kind = "snap-not-found"
	case errors.Is(err, store.ErrNoUpdateAvailable):
		r.Kind = "no-update"
	case errors.Is(err, store.ErrBadQuery):
		r.Kind = "bad-query"
	}
	return r
}
