package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/snapcore/snapd/progress"
	"github.com/snapcore/snapd/snap"
	"github.com/snapcore/snapd/store"
)

// installedFlag collects the --installed flags: the snaps that the device claims to have.
type installedFlag []*store.CurrentSnap

func (f *installedFlag) String() string { return "" }

func (f *installedFlag) Set(s string) error {
	name, rest, ok := strings.Cut(s, "=")
	parts := strings.Split(rest, ",")
	if !ok || name == "" || len(parts) < 3 || len(parts) > 4 {
		return errors.New("want NAME=ID,REVISION,CHANNEL[,EPOCH]")
	}
	epoch := snap.E("0")
	if len(parts) == 4 {
		if err := epoch.UnmarshalJSON([]byte(strconv.Quote(parts[3]))); err != nil {
			return err
		}
	}
	var rev snap.Revision
	if err := rev.UnmarshalJSON([]byte(parts[1])); err != nil || !rev.Store() {
		return fmt.Errorf("revision %q is not a store revision", parts[1])
	}
	*f = append(*f, &store.CurrentSnap{
		InstanceName: name, SnapID: parts[0], Revision: rev, TrackingChannel: parts[2],
		RefreshedDate: time.Now().Add(-24 * time.Hour), Epoch: epoch,
	})
	return nil
}

// find returns the installed snap with a name, or nil.
func (f installedFlag) find(name string) *store.CurrentSnap {
	for _, c := range f {
		if c.InstanceName == name {
			return c
		}
	}
	return nil
}

// actionOptions are the flags of the install subcommand.
type actionOptions struct {
	target    target
	trust     trust
	action    string
	channel   string
	revision  int
	dir       string
	cohort    string
	amend     string
	installed installedFlag
}

func setupInstall(fs *flag.FlagSet) runner {
	var o actionOptions
	o.target.addFlags(fs)
	o.trust.addFlags(fs)
	fs.StringVar(&o.action, "action", "install", "`ACTION` to ask for: install, download, or refresh (of an --installed snap)")
	fs.StringVar(&o.channel, "channel", "", "`CHANNEL` to ask for")
	fs.IntVar(&o.revision, "revision", 0, "`REVISION` to ask for")
	fs.StringVar(&o.cohort, "cohort", "", "cohort `KEY` to send")
	fs.StringVar(&o.amend, "amend", "", "`EPOCH` of an unasserted snap to replace, as 'snap refresh --amend' does")
	fs.StringVar(&o.dir, "dir", "", "`DIR` to download to; without it nothing is downloaded")
	fs.Var(&o.installed, "installed", "a snap that is installed, as `NAME=ID,REVISION,CHANNEL[,EPOCH]`; may be repeated")
	return func(ctx context.Context, names []string) (any, error) { return runInstall(ctx, &o, names) }
}

func (o *actionOptions) actions(names []string) ([]*store.SnapAction, error) {
	var actions []*store.SnapAction
	for _, name := range names {
		a := &store.SnapAction{Action: o.action, InstanceName: name, Channel: o.channel, CohortKey: o.cohort}
		if o.amend != "" {
			if err := a.Epoch.UnmarshalJSON([]byte(strconv.Quote(o.amend))); err != nil {
				return nil, usageError(err.Error())
			}
		}
		if o.revision != 0 {
			a.Revision = snap.R(o.revision)
		}
		if o.action == "refresh" {
			cur := o.installed.find(name)
			if cur == nil {
				return nil, usageError(fmt.Sprintf("refresh of %s needs --installed %s=ID,REVISION,CHANNEL", name, name))
			}
			a.SnapID = cur.SnapID
		}
		actions = append(actions, a)
	}
	return actions, nil
}

func runInstall(ctx context.Context, o *actionOptions, names []string) (any, error) {
	if len(names) == 0 {
		return nil, usageError("name the snaps")
	}
	actions, err := o.actions(names)
	if err != nil {
		return nil, err
	}
	sto, err := o.target.open()
	if err != nil {
		return nil, err
	}
	answers, _, actionErr := sto.SnapAction(ctx, o.installed, actions, nil, nil, nil)
	result := newSnapsResult()
	for _, answer := range answers {
		report := newSnapReport(answer.Info)
		report.RedirectChannel = answer.RedirectChannel
		result.Snaps = append(result.Snaps, report)
		if o.dir == "" {
			continue
		}
		if err := fetchSnap(ctx, sto, o, answer.Info, report); err != nil {
			return result, fmt.Errorf("snap %s: %w", report.Name, err)
		}
	}
	return result, actionErr
}

// fetchSnap downloads one snap with its assertions and compares them, as snapd does before it installs.
func fetchSnap(ctx context.Context, sto *store.Store, o *actionOptions, info *snap.Info, report *snapReport) error {
	base := filepath.Join(o.dir, fmt.Sprintf("%s_%d", report.Name, report.Revision))
	path := base + ".snap"
	if err := sto.Download(ctx, report.Name, path, &info.DownloadInfo, progress.Null, nil, nil); err != nil {
		return fmt.Errorf("download: %w", err)
	}
	report.Path = path
	chain, err := fetchChain(sto, &o.trust, path, info)
	if err != nil {
		return err
	}
	report.AssertionsPath = base + ".assert"
	report.Assertions = chain.refs()
	return chain.write(report.AssertionsPath)
}

func setupRefresh(fs *flag.FlagSet) runner {
	var o actionOptions
	o.target.addFlags(fs)
	fs.StringVar(&o.channel, "channel", "", "`CHANNEL` to switch all of them to")
	fs.Var(&o.installed, "installed", "a snap that is installed, as `NAME=ID,REVISION,CHANNEL`; may be repeated")
	return func(ctx context.Context, args []string) (any, error) {
		if len(args) > 0 || len(o.installed) == 0 {
			return nil, usageError("name the snaps with --installed")
		}
		return runRefresh(ctx, &o)
	}
}

// runRefresh asks for updates as "snap refresh --list" does. A store without updates is a success here, not an error.
func runRefresh(ctx context.Context, o *actionOptions) (any, error) {
	o.action = "refresh"
	var names []string
	for _, c := range o.installed {
		names = append(names, c.InstanceName)
	}
	result, err := runInstall(ctx, o, names)
	var action *store.SnapActionError
	if !errors.As(err, &action) {
		return result, err
	}
	for name, err := range action.Refresh {
		if errors.Is(err, store.ErrNoUpdateAvailable) {
			delete(action.Refresh, name)
		}
	}
	if cmp.Or(len(action.Refresh), len(action.Other)) == 0 {
		return result, nil
	}
	return result, err
}
