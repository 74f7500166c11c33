// Package filecache has the commands about the files that an online store keeps from the stores upstream.
package filecache

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"offlinestore/catalog"
	"offlinestore/cmd/internal/cli"
	"offlinestore/cmd/internal/online"
	"offlinestore/edge"
	"offlinestore/edge/cache"
	"offlinestore/instance"
	"offlinestore/nearest"
)

// Opener calls a function with the open store.
type Opener func(context.Context, *instance.Dir, func(*instance.Instance) error) error

// New returns the command with its subcommands. read opens a store that exists.
func New(dir *instance.Dir, read Opener) *cobra.Command {
	c := &cobra.Command{
		Use:   "cache",
		Short: "List, pin, drop and fetch ahead the files of an online store's cache",
		Long: `List, pin and drop the files that an online store keeps from the stores upstream, and
fetch some ahead. All of this works while the server runs.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newList(dir, read), newWarm(dir, read),
		newChange(dir, read, "pin", "Keep files, however long nobody asks for them", func(f *cache.Cache, d cache.Digest) error { return f.Pin(d, true) }),
		newChange(dir, read, "unpin", "Let files make room for others again", func(f *cache.Cache, d cache.Digest) error { return f.Pin(d, false) }),
		newChange(dir, read, "drop", "Remove files: the next device that asks for one makes the store fetch it again", func(f *cache.Cache, d cache.Digest) error { return f.Drop(d) }))
	return c
}

// entry is a file of the cache, as people and scripts see it.
type entry struct {
	Name   string       `json:"name"`
	Digest cache.Digest `json:"digest"`
	Size   int64        `json:"size"`
	// Used is the time of the last use, within a minute.
	Used    time.Time `json:"used"`
	Pinned  bool      `json:"pinned"`
	Private bool      `json:"private"`
	// file is the name that the store upstream gives the file.
	file string
}

// entries returns the files of the cache. Snaps and charms have their names in place of their IDs.
func entries(ctx context.Context, in *instance.Instance, files *cache.Cache) ([]entry, error) {
	names := make(map[cache.Digest]string)
	err := in.Catalog.EachEdgeRelease(ctx, time.Time{}, func(r catalog.EdgeRelease) bool {
		given := edge.Release{Name: r.Name, Revision: r.Revision, Snap: r.Snap}
		if about, ok := given.Describe(); ok {
			names[cache.Digest("sha3-384:"+about.SHA3384)] = fmt.Sprintf("%s_%d.snap", r.Name, r.Revision)
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	err = in.Catalog.EachEdgeCharm(ctx, time.Time{}, func(c catalog.EdgeCharm) bool {
		given := edge.Charm{Name: c.Name, Revision: c.Revision, Charm: c.Charm}
		if about, ok := given.Describe(); ok {
			names[cache.Digest("sha256:"+about.SHA256)] = fmt.Sprintf("%s_%d.charm", c.Name, c.Revision)
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	all, err := files.List()
	list := make([]entry, 0, len(all))
	for _, e := range all {
		one := entry{e.Name, e.Digest, e.Size, e.Used.UTC().Truncate(time.Second), e.Pinned, e.Private, e.Name}
		if name := names[e.Digest]; name != "" {
			one.Name = name
		}
		list = append(list, one)
	}
	return list, err
}

// message is the JSON of a list.
type message struct {
	Files []entry `json:"files"`
	Bytes int64   `json:"bytes"`
	// Partial counts the bytes of files on the way, and Max is the size of the cache.
	Partial int64 `json:"partial-bytes"`
	Max     int64 `json:"max-bytes"`
}

func newList(dir *instance.Dir, read Opener) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:     "list",
		Short:   "List the files of the cache, with their sizes and last uses",
		Example: "  snap-store-proxy cache list\n  snap-store-proxy cache list --json",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return withCache(c.Context(), dir, read, func(in *instance.Instance, files *cache.Cache) error {
				list, err := entries(c.Context(), in, files)
				if err != nil {
					return err
				}
				usage, err := files.Usage()
				if err != nil {
					return err
				}
				if asJSON {
					return cli.PrintJSON(c.OutOrStdout(), message{list, usage.Bytes, usage.Partial, usage.Max})
				}
				print(c.OutOrStdout(), list, usage)
				return nil
			})
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func print(w io.Writer, list []entry, usage cache.Usage) {
	if len(list) > 0 {
		t := tabwriter.NewWriter(w, 0, 0, 4, ' ', 0)
		fmt.Fprintln(t, "Name\tSize\tLast use\tPinned\tDigest")
		for _, e := range list {
			pinned := "-"
			if e.Pinned {
				pinned = "pinned"
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", cli.Clean(e.Name), cli.Bytes(e.Size), e.Used.Format(time.RFC3339), pinned, e.Digest)
		}
		t.Flush()
	}
	fmt.Fprintf(w, "%s, %s of %s\n", cli.Count(len(list), "file"), cli.Bytes(usage.Bytes), cli.Bytes(usage.Max))
}

func withCache(ctx context.Context, dir *instance.Dir, read Opener, fn func(*instance.Instance, *cache.Cache) error) error {
	return read(ctx, dir, func(in *instance.Instance) error {
		files, _, err := online.OpenCache(in.Dir, in.Settings, true)
		if err != nil {
			return err
		}
		return errors.Join(fn(in, files), files.Close())
	})
}

// NotFoundError reports a file that is not in the cache.
type NotFoundError struct {
	Name string
	// Meant is a name that somebody may have meant, or empty.
	Meant string
}

func (e *NotFoundError) Error() string {
	text := fmt.Sprintf("the cache has no file %s", e.Name)
	if e.Meant != "" {
		text += fmt.Sprintf(" (did you mean %s?)", e.Meant)
	}
	return text
}

func newChange(dir *instance.Dir, read Opener, verb, short string, change func(*cache.Cache, cache.Digest) error) *cobra.Command {
	done := map[string]string{"pin": "Pinned", "unpin": "Unpinned", "drop": "Dropped"}[verb]
	return &cobra.Command{
		Use:     verb + " NAME|DIGEST…",
		Short:   short,
		Long:    short + ".\n\nA file is named as 'cache list' shows it, or by its digest.",
		Example: "  snap-store-proxy cache " + verb + " jq_6.snap",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return withCache(c.Context(), dir, read, func(in *instance.Instance, files *cache.Cache) error {
				list, err := entries(c.Context(), in, files)
				if err != nil {
					return err
				}
				var named []entry
				for _, arg := range args { // all are found before the first one is changed
					found, err := find(list, arg)
					if err != nil {
						return err
					}
					named = append(named, found...)
				}
				for _, e := range named {
					if err := change(files, e.Digest); err != nil && !errors.Is(err, cache.ErrNotFound) {
						return err
					}
					fmt.Fprintf(c.OutOrStdout(), "%s %s (%s)\n", done, cli.Clean(e.Name), cli.Bytes(e.Size))
				}
				return nil
			})
		},
	}
}

// find returns the files that an operator names: one by its digest, or all of a name.
func find(list []entry, arg string) (found []entry, err error) {
	var names []string
	for _, e := range list {
		if e.Name == arg || e.file == arg || string(e.Digest) == arg || string(e.Digest) == "sha3-384:"+arg {
			found = append(found, e)
		}
		names = append(names, e.Name)
	}
	if len(found) > 0 {
		return found, nil
	}
	e := &NotFoundError{Name: cli.Clean(arg)}
	if !strings.Contains(arg, ":") {
		e.Meant = cli.Clean(nearest.Word(arg, names))
	}
	return nil, e
}

// Hints returns the hints of the package's errors.
func Hints() cli.Table {
	return cli.Table{
		cli.On(cli.As[*NotFoundError], cli.Failed, "'snap-store-proxy cache list' lists the files"),
		cli.On(cli.As[*WarmError], cli.Upstream, "run the command again: it goes on where it stopped"),
	}
}
