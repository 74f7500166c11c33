package main

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"offlinestore/bundle"
	"offlinestore/cmd/internal/cli"
	"offlinestore/exporter"
	"offlinestore/upstream"
)

// addCompletion makes shells complete names, channels, architectures and keys. Names of snaps come from earlier exports and from the store.
func addCompletion(root *cobra.Command) {
	keys := cli.Complete(func(context.Context, []string, string) []string { return keyNames() })
	flags := map[string]cobra.CompletionFunc{
		"arch": cli.CompleteWords(cli.Architectures...), "compression": cli.CompleteWords(string(bundle.Gzip), string(bundle.Zstd), string(bundle.None)),
		"withdrawn": cli.CompleteWords(string(exporter.WithdrawnWarn), string(exporter.WithdrawnError)), "key": keys, "signing-key": keys, "for": cli.Complete(completeReceivers), "channel": cli.CompleteWords(cli.Risks...),
		"series": cli.CompleteWords("noble", "jammy", "focal"),
	}
	export, _, err := root.Find([]string{"export"})
	if err != nil {
		panic("complete export: " + err.Error())
	}
	snaps, _, err := root.Find([]string{"export", "snaps"})
	if err != nil {
		panic("complete export snaps: " + err.Error())
	}
	for _, c := range export.Commands() {
		known := maps.Clone(flags)
		maps.DeleteFunc(known, func(name string, _ cobra.CompletionFunc) bool {
			return c.Name() == "key-request" || c.Flags().Lookup(name) == nil || c == snaps && name == "channel" || c.Name() == "store" && name == "key"
		})
		cli.SetCompletion(root, "export "+c.Name(), nil, known)
	}
	storeURL := func() string { return snaps.Flag("snap-store-url").Value.String() }
	cli.SetCompletion(root, "export snaps", cli.Complete(func(ctx context.Context, _ []string, prefix string) []string {
		return findSnaps(ctx, storeURL(), prefix)
	}), map[string]cobra.CompletionFunc{"channel": cli.Complete(func(ctx context.Context, args []string, _ string) []string {
		return append(slices.Clone(cli.Risks), findChannels(ctx, storeURL(), args)...)
	})})
	own := maps.Clone(flags)
	maps.DeleteFunc(own, func(name string, _ cobra.CompletionFunc) bool { return export.Flags().Lookup(name) == nil })
	cli.SetCompletion(root, "export", nil, own)
	cli.SetCompletion(root, "export bundle", cli.Complete(func(context.Context, []string, string) []string { return earlierNames(false) }), nil)
	cli.SetCompletion(root, "key export", keys, nil)
	addOfflineCompletion(root)
}

func keyNames() []string {
	ring, err := openKeyring()
	if err != nil {
		return nil
	}
	names, err := ring.Names()
	if err != nil {
		return nil
	}
	return names
}

// earlierNames returns the names of the snaps, or of the charms, of earlier exports.
func earlierNames(snaps bool) []string {
	names, err := readExported()
	switch {
	case err != nil:
		return nil
	case snaps:
		return slices.Sorted(maps.Keys(names.Snaps))
	}
	return slices.Sorted(maps.Keys(names.Charms))
}

// minPrefix is the number of letters with which the store is asked for names.
const minPrefix = 2

// findSnaps returns the names of snaps that begin with a prefix. The store is asked only where earlier exports have none.
func findSnaps(ctx context.Context, storeURL, prefix string) []string {
	names := earlierNames(true)
	if len(prefix) < minPrefix || slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(n, prefix) }) {
		return names
	}
	client, err := askOnce(storeURL)
	if err != nil {
		return nil
	}
	found, err := client.FindNames(ctx, prefix)
	if err != nil {
		return nil
	}
	return found
}

// findChannels returns the channels of the first named snap.
func findChannels(ctx context.Context, storeURL string, names []string) (channels []string) {
	if len(names) == 0 {
		return nil
	}
	client, err := askOnce(storeURL)
	if err != nil {
		return nil
	}
	info, err := client.Info(ctx, names[0])
	if err != nil {
		return nil
	}
	for _, row := range info.ChannelMap {
		channels = append(channels, row.Channel.Name)
	}
	return channels
}

// askOnce returns a client of the Snap Store that repeats no request.
func askOnce(storeURL string) (*upstream.Client, error) {
	return upstream.New(upstream.Config{Origin: storeURL, UserAgent: "store-admin/" + cli.Version(), Retries: -1})
}
