package main

import (
	"context"
	"strconv"

	"github.com/spf13/cobra"

	"offlinestore/catalog"
	"offlinestore/charm"
	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
)

// addCompletion makes shells complete names, channels, architectures and keys. They come from the catalogue, if this user can read it.
func addCompletion(root *cobra.Command, dir *instance.Dir) {
	snapNames := func(cat *catalog.Snapshot) []string { return cat.SnapNames() }
	allNames := func(cat *catalog.Snapshot) []string {
		return append(cat.SnapNames(), cat.CharmNames(charm.TypeCharm, charm.TypeBundle)...)
	}
	several := func(names func(*catalog.Snapshot) []string) cobra.CompletionFunc {
		return fromCatalog(dir, func(cat *catalog.Snapshot, _ []string, _ string) []string { return names(cat) })
	}
	one := func(names func(*catalog.Snapshot) []string) cobra.CompletionFunc {
		return fromCatalog(dir, func(cat *catalog.Snapshot, args []string, _ string) []string {
			if len(args) > 0 {
				return nil
			}
			return names(cat)
		})
	}
	charms := func(kinds ...string) cobra.CompletionFunc {
		return several(func(cat *catalog.Snapshot) []string { return cat.CharmNames(kinds...) })
	}
	channels := fromCatalog(dir, func(cat *catalog.Snapshot, args []string, _ string) []string {
		if len(args) == 0 {
			return nil
		}
		return cat.SnapChannels(args[0])
	})
	cli.SetCompletion(root, "list-pushed-snaps", several(snapNames), nil)
	for _, name := range []string{"show", "hold", "release"} {
		cli.SetCompletion(root, name, one(allNames), nil)
	}
	cli.SetCompletion(root, "why", one(allNames), map[string]cobra.CompletionFunc{"channel": channels, "arch": cli.CompleteWords(cli.Architectures...)})
	cli.SetCompletion(root, "history", several(allNames), nil)
	cli.SetCompletion(root, "override", fromCatalog(dir, completeOverride), nil)
	cli.SetCompletion(root, "delete-override", fromCatalog(dir, completeChannel), nil)
	for _, name := range []string{"list-overrides", "promote", "close-channel", "remove-snap"} {
		cli.SetCompletion(root, name, one(snapNames), nil)
	}
	cli.SetCompletion(root, "remove-charm", charms(charm.TypeCharm), nil)
	cli.SetCompletion(root, "remove-bundle", charms(charm.TypeBundle), nil)
	cli.SetCompletion(root, "remove-image", one((*catalog.Snapshot).RepositoryNames), nil)
	cli.SetCompletion(root, "push-images", charms(charm.TypeCharm), nil)
	for _, c := range root.Commands() {
		if c.Flags().Lookup("take-over") != nil {
			cli.SetCompletion(root, c.Name(), nil, map[string]cobra.CompletionFunc{"take-over": several(allNames)})
		}
	}
	cli.SetCompletion(root, "trust remove", cli.Complete(func(context.Context, []string, string) []string { return signers(*dir) }), nil)
	cli.SetCompletion(root, "trust root remove", cli.Complete(func(context.Context, []string, string) []string { return trustedRoots(*dir) }), nil)
	cli.SetCompletion(root, "serve", nil, map[string]cobra.CompletionFunc{"log-level": cli.CompleteWords("debug", "info", "warn", "error"),
		"log-format": cli.CompleteWords("text", "json")})
}

// fromCatalog completes words of the catalogue.
func fromCatalog(dir *instance.Dir, list func(cat *catalog.Snapshot, args []string, prefix string) []string) cobra.CompletionFunc {
	return cli.Complete(func(ctx context.Context, args []string, prefix string) []string {
		in, err := dir.Open(ctx, instance.Options{Existing: true})
		if err != nil {
			return nil
		}
		defer in.Close()
		cat, err := in.Catalog.LoadSnapshot(ctx)
		if err != nil {
			return nil
		}
		return list(cat, args, prefix)
	})
}

// completeOverride returns snaps first, and then CHANNEL=REVISION.
func completeOverride(cat *catalog.Snapshot, args []string, _ string) (words []string) {
	if len(args) == 0 {
		return cat.SnapNames()
	}
	for _, channel := range cat.SnapChannels(args[0]) {
		for _, n := range cat.SnapRevisions(args[0]) {
			words = append(words, channel+"="+strconv.Itoa(n))
		}
	}
	return words
}

// completeChannel returns snaps first, and then the channels of the snap.
func completeChannel(cat *catalog.Snapshot, args []string, _ string) []string {
	if len(args) == 0 {
		return cat.SnapNames()
	}
	return cat.SnapChannels(args[0])
}

// signers returns the fingerprints of the trusted signers.
func signers(dir instance.Dir) (ids []string) {
	if dir.EnterExisting() != nil {
		return nil
	}
	keys, err := dir.Trust().Signers()
	if err != nil {
		return nil
	}
	for _, k := range keys {
		ids = append(ids, k.ID())
	}
	return ids
}

// trustedRoots returns the IDs of the further roots.
func trustedRoots(dir instance.Dir) (ids []string) {
	if dir.EnterExisting() != nil {
		return nil
	}
	roots, err := dir.Trust().Roots()
	if err != nil {
		return nil
	}
	for _, r := range roots {
		ids = append(ids, r.ID)
	}
	return ids
}
