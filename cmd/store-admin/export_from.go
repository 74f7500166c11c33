package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"offlinestore/channel"
	"offlinestore/charm"
	"offlinestore/cmd/internal/cli"
	"offlinestore/edge/api"
	"offlinestore/exporter"
	"offlinestore/nearest"
	"offlinestore/snap"
)

// NotGivenError reports snaps that no device of an online store was given, or charms that Juju was not given.
type NotGivenError struct {
	Store string
	Names []string
	// Charms is set for charms.
	Charms bool
	// Meant is the name of a given snap or charm that somebody may have meant, or empty.
	Meant string
}

func (e *NotGivenError) Error() string {
	who, kind := "no device of ", "a snap"
	if e.Charms {
		who, kind = "no Juju of ", "a charm"
	}
	if len(e.Names) == 0 {
		return who + e.Store + " was given " + kind + " yet"
	}
	text := fmt.Sprintf("%s%s was given %s", who, e.Store, strings.Join(e.Names, ", "))
	if e.Meant != "" {
		text += fmt.Sprintf(" (did you mean %s?)", e.Meant)
	}
	return text
}

// FromError reports an online store that does not tell what its devices were given.
type FromError struct {
	Store string
	Err   error
}

func (e *FromError) Error() string {
	return fmt.Sprintf("ask %s for the revisions that devices were given: %v", e.Store, e.Err)
}

func (e *FromError) Unwrap() error { return e.Err }

// fromOptions are the flags about an online store that an export is from.
type fromOptions struct {
	url string
	// channels and archs narrow the given releases if the operator names some.
	channels, archs []string
}

// given returns the packages for the snaps, or for all, that the devices of the store were given. warn gets messages for the operator.
func (o *fromOptions) given(ctx context.Context, names []string, warn func(string)) ([]exporter.Package, error) {
	answer, err := api.List(ctx, http.DefaultClient, o.url, "store-admin/"+cli.Version())
	if err != nil {
		return nil, &FromError{cli.Clean(o.url), err}
	}
	if answer.Private > 0 {
		warn(fmt.Sprintf("%s of private snaps is left out: export them with --store, from the Snap Store", cli.Count(answer.Private, "release")))
	}
	var known []string
	list := slices.DeleteFunc(answer.Releases, func(r api.Release) bool {
		known = append(known, r.Name)
		return len(names) > 0 && !slices.Contains(names, r.Name) || len(o.archs) > 0 && !slices.Contains(o.archs, r.Architecture) ||
			len(o.channels) > 0 && !slices.ContainsFunc(o.channels, func(c string) bool { return isChannel(c, r.Channel) })
	})
	found := make([]string, len(list))
	for i, r := range list {
		found[i] = r.Name
	}
	return exporter.GivenPackages(list), o.missing(names, found, known, false)
}

// givenCharms returns the applications for the charms, or for all, that Juju was given by the store.
func (o *fromOptions) givenCharms(ctx context.Context, names []string) ([]charm.Application, error) {
	list, err := api.ListCharms(ctx, http.DefaultClient, o.url, "store-admin/"+cli.Version())
	if err != nil {
		return nil, &FromError{cli.Clean(o.url), err}
	}
	var known, found []string
	list = slices.DeleteFunc(list, func(c api.Charm) bool {
		known = append(known, c.Name)
		return len(names) > 0 && !slices.Contains(names, c.Name) || len(o.archs) > 0 && c.Architecture != "" && !slices.Contains(o.archs, c.Architecture)
	})
	for _, c := range list {
		found = append(found, c.Name)
	}
	return exporter.GivenCharms(list), o.missing(names, found, known, true)
}

// missing returns an error if a name was not found, or nothing was.
func (o *fromOptions) missing(names, found, known []string, charms bool) error {
	missing := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return slices.Contains(found, name) })
	if len(missing) == 0 && len(found) > 0 {
		return nil
	}
	e := &NotGivenError{Store: cli.Clean(o.url), Names: missing, Charms: charms}
	if len(missing) == 1 && !slices.Contains(known, missing[0]) {
		e.Meant = nearest.Word(missing[0], known)
	}
	return e
}

// isChannel reports whether an operator means a full channel by a text. Without a track, all tracks are meant.
func isChannel(text, full string) bool {
	want, err := channel.Parse(text)
	got, gerr := channel.ParseFull(full)
	if err != nil || gerr != nil {
		return false
	}
	return want.WithTrack(got.Track) == got
}

// fromHints returns the hints of errors about online stores.
func fromHints() cli.Table {
	return cli.Table{
		cli.OnType(cli.Gaps, func(e *NotGivenError) string {
			if e.Charms {
				return "deploy it once by way of the store, or export it from upstream: give a FILE.yaml, and the store's URL with --charmhub-url"
			}
			return "wait until a device has it, or export it from upstream: give the store's URL with --snap-store-url"
		}),
		cli.On(cli.All(cli.As[*FromError], cli.Is(api.ErrNoEdge)), cli.Upstream,
			"--from is for a store that is online: from an air-gapped one, export snaps by their names, with its URL in --snap-store-url"),
		cli.On(cli.As[*FromError], cli.Upstream, "give the URL under which devices reach the store, as http://store.example.internal"),
	}
}

// validate reports flags that exclude each other, and makes the store the one that the export asks.
func (o *fromOptions) validate(given func(flag string) bool, export *exportOptions, channels []string) error {
	if !given("from") {
		return nil
	}
	for _, other := range []string{"snap-store-url", "charmhub-url", "store", "from-yaml", "with-snaps"} {
		if given(other) {
			return cli.Usagef("--from and --%s exclude each other", other)
		}
	}
	u, err := url.Parse(o.url)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return cli.Usagef("--from %.200q: want http://HOST or https://HOST", o.url)
	}
	if given("channel") {
		o.channels = channels
	}
	if given("arch") {
		o.archs = export.archs
	}
	export.storeURL, export.noLogin = strings.TrimSuffix(o.url, "/")+api.GivenPath, true
	export.charmhubURL = export.storeURL
	return nil
}

// requestCharms requests the charms that Juju was given.
func (o *fromOptions) requestCharms(ctx context.Context, names []string, req *exporter.CharmRequest) (err error) {
	for _, name := range names {
		if err := charm.ValidateName(name); err != nil {
			return cli.Usagef("%w", err)
		}
	}
	if req.Applications, err = o.givenCharms(ctx, unique(names)); err != nil {
		return err
	}
	var archs []string
	for _, a := range req.Applications {
		archs = append(archs, a.Architectures...)
	}
	if len(archs) > 0 {
		req.Architectures = unique(archs)
	}
	req.ImageArchitectures = req.Architectures // the others were not given
	return nil
}

// request requests the revisions that devices were given.
func (o *fromOptions) request(ctx context.Context, req *exporter.Request) (err error) {
	names := req.Names
	for _, name := range names {
		if err := snap.ValidateName(name); err != nil {
			return cli.Usagef("%w", err)
		}
	}
	warn := func(text string) { req.Warnings = append(req.Warnings, text) }
	req.Names, req.Channels, req.Architectures = nil, nil, nil
	if req.Packages, err = o.given(ctx, names, warn); err != nil {
		return err
	}
	for _, p := range req.Packages {
		req.Channels, req.Architectures = append(req.Channels, p.Channels...), append(req.Architectures, p.Architectures...)
	}
	req.Channels, req.Architectures = unique(req.Channels), unique(req.Architectures)
	return nil
}
