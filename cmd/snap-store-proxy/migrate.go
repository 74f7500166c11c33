package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"offlinestore/catalog"
	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
	"offlinestore/instance/settings"
)

// originalDirs are where the original keeps its data.
var originalDirs = []string{"/var/snap/enterprise-store/common", "/var/snap/snap-store-proxy/common"}

// step is one of those that lead from the original to this store.
type step struct {
	Name string `json:"name"`
	Done bool   `json:"done"`
	// Detail is what was found.
	Detail string `json:"detail,omitempty"`
	// Command does it.
	Command string `json:"command,omitempty"`
}

// migration is how far the way from the original is.
type migration struct {
	Steps    []step   `json:"steps"`
	Warnings []string `json:"warnings"`
}

// migrateOptions are the flags of migrate.
type migrateOptions struct {
	from   string
	asJSON bool
}

func newMigrate(dir *instance.Dir) *cobra.Command {
	var o migrateOptions
	c := &cobra.Command{
		Use:   "migrate [SETTINGS.yaml]",
		Short: "Say how to come from the original Enterprise Store, and how far that is",
		Long: `Say, step by step, how this host takes the place of the original Enterprise Store
(snap-store-proxy), and which steps are done. Nothing is changed. SETTINGS.yaml is
what the original's 'enterprise-store config --export-yaml' printed: with it, it is
said which of the settings will be taken over, and which have no meaning here.`,
		Example: "  snap-store-proxy migrate\n  enterprise-store config --export-yaml >original.yaml; snap-store-proxy migrate original.yaml",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			var yaml []byte
			if len(args) == 1 {
				var err error
				if yaml, err = cli.ReadFile(args[0], settings.MaxYAML); err != nil {
					return err
				}
			}
			original := o.findOriginal() // while the rights are those of the caller
			m, err := readMigration(c.Context(), dir, original, args, yaml)
			if err != nil {
				return err
			}
			if o.asJSON {
				return cli.PrintJSON(c.OutOrStdout(), m)
			}
			m.print(c.OutOrStdout())
			return nil
		},
	}
	c.Flags().StringVar(&o.from, "from", "", "`folder` of the original's data, if it is on this host (default: where its snap keeps it)")
	c.Flags().BoolVar(&o.asJSON, "json", false, "print JSON")
	return c
}

// findOriginal is the store assertion that the original left on this host, or empty.
func (o *migrateOptions) findOriginal() string {
	dirs := originalDirs
	if o.from != "" {
		dirs = []string{o.from}
	}
	for _, dir := range dirs {
		path := filepath.Join(dir, "nginx", "airgap", "store.assert")
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	return ""
}

// migration looks at this host. The order is that in which each step finds what it needs.
func readMigration(ctx context.Context, dir *instance.Dir, assertion string, args []string, yaml []byte) (*migration, error) {
	m := &migration{Warnings: []string{}}
	if _, err := os.Stat(string(*dir)); errors.Is(err, fs.ErrNotExist) {
		m.settings(nil, args)
		return m, m.rest(nil, assertion, nil, yaml)
	}
	in, failed := dir.OpenDegraded(ctx, options())
	if in == nil {
		return nil, failed
	}
	defer in.Close() // all is read
	var cat *catalog.Snapshot
	if failed == nil {
		var err error
		if cat, err = in.Catalog.LoadSnapshot(ctx); err != nil {
			return nil, err
		}
	} else {
		m.Warnings = append(m.Warnings, "the database can't be looked at: "+failed.Error())
	}
	m.settings(in, args)
	return m, m.rest(in, assertion, cat, yaml)
}

func (m *migration) add(s step) { m.Steps = append(m.Steps, s) }

// settings are the first step.
func (m *migration) settings(in *instance.Instance, args []string) {
	s := step{Name: "take over the settings", Command: "snap-store-proxy config --import-yaml <original.yaml   (from 'enterprise-store config --export-yaml')"}
	if len(args) == 1 {
		s.Command = "snap-store-proxy config --import-yaml <" + args[0]
	}
	if in != nil {
		if domain := in.Settings.Values().Domain; domain != "" {
			s.Done, s.Detail = true, settings.Domain+" is "+domain
		}
	}
	m.add(s)
}

// rest are the steps after the settings. Neither h nor cat need be there.
func (m *migration) rest(in *instance.Instance, assertion string, cat *catalog.Snapshot, yaml []byte) error {
	if err := m.warnOfYAML(yaml); err != nil {
		return err
	}
	s := &instance.Health{}
	if in != nil {
		var err error
		if s, err = in.HostHealth(); err != nil {
			return err
		}
	}
	m.add(step{Name: "prepare the database and the secrets", Done: cat != nil && in.Settings.Values().Airgap, Command: "snap-store-proxy enable-airgap-mode"})
	from := assertion
	if from == "" {
		from = "FILE   (the original's nginx/airgap/store.assert, in the folder of its data)"
	}
	m.add(step{Name: "take over the store assertion, so that devices need not change", Done: in != nil && s.StoreID != "" && in.Dir.HasStoreAssertion(), Detail: s.StoreID, Command: "snap-store-proxy config --import-store-assertion " + from})
	m.add(step{Name: "trust who exports", Done: s.Signers > 0, Detail: found(s.Signers, "signer"),
		Command: "snap-store-proxy trust add FILE   (from 'store-admin key export' outside)"})
	charms := step{Name: "bring the snaps, and the charms: export them again, or push the original's files as they are"}
	charms.Command = "snap-store-proxy push-snap FILE…, push-charms FILE…   (files of the original, which nobody signed: --allow-unsigned)"
	if cat != nil {
		charms.Done, charms.Detail = len(cat.Snaps)+len(cat.Charms) > 0, found(len(cat.Snaps)+len(cat.Charms), "package")
	}
	m.add(charms)
	if err := m.addGaps(in, cat); err != nil {
		return err
	}
	m.add(step{Name: "stop the original, and serve in its place", Command: "snap stop --disable enterprise-store; snap-store-proxy serve; snap-store-proxy check-connections"})
	m.add(step{Name: "save the store", Command: "snap-store-proxy backup /var/backups/store"})
	return nil
}

// addGaps adds the step that is done once nothing is missing. An empty store lacks nothing, and has nothing.
func (m *migration) addGaps(in *instance.Instance, cat *catalog.Snapshot) error {
	s := step{Name: "see that nothing is missing", Command: "snap-store-proxy check"}
	if cat != nil {
		gaps, err := in.Gaps(cat)
		if err != nil {
			return err
		}
		s.Done, s.Detail = len(gaps) == 0 && len(cat.Snaps)+len(cat.Charms) > 0, found(len(gaps), "gap")
		m.Warnings = append(m.Warnings, cli.GapReport(gaps)...)
	}
	m.add(s)
	return nil
}

// found is a count, unless that is none.
func found(n int, thing string) string {
	if n == 0 {
		return ""
	}
	return cli.Count(n, thing)
}

// warnOfYAML says what becomes of the original's settings.
func (m *migration) warnOfYAML(yaml []byte) error {
	if yaml == nil {
		return nil
	}
	taken, ignored, err := settings.ParseYAML(yaml)
	if err != nil {
		return &cli.Error{Code: cli.Usage, Err: err, Hint: "give what the original's 'enterprise-store config --export-yaml' printed"}
	}
	m.Steps[0].Detail = strings.TrimPrefix(m.Steps[0].Detail+fmt.Sprintf("; the file has %s that are taken over", cli.Count(len(taken), "setting")), "; ")
	for _, i := range ignored {
		m.Warnings = append(m.Warnings, fmt.Sprintf("%s is left out: %s", i.Name, i.Why))
	}
	if taken[settings.DBConnection] != "" {
		m.Warnings = append(m.Warnings, settings.DBConnection+" leads to the original's database, whose tables are others: give this store an empty one, or unset it for a private cluster")
	}
	return nil
}

func (m *migration) print(w io.Writer) {
	fmt.Fprintln(w, "From the original Enterprise Store to this one:")
	for i, s := range m.Steps {
		mark := " "
		if s.Done {
			mark = "x"
		}
		detail := ""
		if s.Detail != "" {
			detail = " (" + cli.Clean(s.Detail) + ")"
		}
		fmt.Fprintf(w, "[%s] %d. %s%s\n", mark, i+1, s.Name, detail)
		if !s.Done {
			fmt.Fprintf(w, "       %s\n", s.Command)
		}
	}
	for _, text := range m.Warnings {
		fmt.Fprintf(w, "Warning: %s\n", cli.Clean(text))
	}
}
