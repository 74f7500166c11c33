package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
	"offlinestore/instance/settings"
)

func newConfig(dir *instance.Dir) *cobra.Command {
	var o configOptions
	c := &cobra.Command{
		Use:   "config [KEY… | KEY=VALUE…]",
		Short: "Show or change the settings",
		Long: `Without arguments, list the settings; secrets are shown as ` + settings.Redacted + `.
With KEY, print its value, or nothing if it is not set. A secret is printed to a file
or a pipe; on a terminal that takes --show-secret. An empty value resets a setting to
its default. A running 'serve' loads the new settings; the command tells you if a
setting needs a restart.

For KEY=-, the command asks for the secret on the terminal, or reads it from
standard input, so that no command line contains it. For a database connection
without a password, it asks for the password on a terminal, and reads it from
standard input with --password-stdin.`,
		Example: `  snap-store-proxy config
  snap-store-proxy config proxy.domain
  snap-store-proxy config proxy.domain=snaps.example.internal
  snap-store-proxy config proxy.db.connection=postgresql://store@db1.example.internal,db2.example.internal/store?target_session_attrs=read-write
  snap-store-proxy config proxy.oci-registry.username=juju proxy.oci-registry.password=-
  (umask 077; snap-store-proxy config proxy.auth.secret >secret)
  (umask 077; snap-store-proxy config --export-yaml >store-config.yaml)
  snap-store-proxy config --import-yaml <store-config.yaml`,
		ValidArgsFunction: completeKey,
		RunE:              func(c *cobra.Command, args []string) error { return runConfig(c, dir, o, args) },
	}
	f := c.Flags()
	f.BoolVar(&o.asJSON, "json", false, "list as JSON")
	f.BoolVar(&o.showSecret, "show-secret", false, "print KEY on a terminal even if it is secret")
	f.BoolVar(&o.passwordStdin, "password-stdin", false, "read the password of a database connection from standard input")
	f.BoolVar(&o.exportYAML, "export-yaml", false, "print the settings that have a value as YAML, secrets included")
	f.BoolVar(&o.importYAML, "import-yaml", false, "change the settings to standard input: YAML from --export-yaml of this program or of the original")
	return c
}

func runConfig(c *cobra.Command, dir *instance.Dir, o configOptions, args []string) error {
	if (o.exportYAML || o.importYAML) && (len(args) > 0 || o != (configOptions{exportYAML: true}) && o != (configOptions{importYAML: true})) {
		return cli.Usagef("--export-yaml and --import-yaml are for all settings, and stand alone")
	}
	if err := o.enter(dir, args); err != nil {
		return err
	}
	s, err := dir.Settings()
	if err != nil {
		return err
	}
	w := c.OutOrStdout()
	switch {
	case o.exportYAML:
		return exportYAML(w, s)
	case o.importYAML:
		return importYAML(dir, s, os.Stdin)
	case len(args) == 0:
		return o.list(w, s)
	case len(args) == 1 && !strings.Contains(args[0], "="):
		return o.show(w, s, args[0])
	case !slices.ContainsFunc(args, func(a string) bool { return strings.Contains(a, "=") }):
		return o.showSeveral(w, s, args)
	case o.asJSON || o.showSecret:
		return cli.Usagef("--json and --show-secret are for showing settings")
	}
	changes, err := o.changes(args)
	if err != nil {
		return err
	}
	return change(dir, s, changes)
}

// enter enters the data folder, and makes it for a change only. Without a store, all settings have their defaults.
func (o configOptions) enter(dir *instance.Dir, args []string) error {
	if o.importYAML || slices.ContainsFunc(args, func(a string) bool { return strings.Contains(a, "=") }) {
		return dir.Enter()
	}
	err := dir.EnterExisting()
	if none := (*instance.NoStoreError)(nil); errors.As(err, &none) {
		fmt.Fprintf(os.Stderr, "Warning: %s; these are the defaults\n", cli.Clean(err.Error()))
		return nil
	}
	return err
}

// completeKey returns the names of the settings for the completion of a shell.
func completeKey(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	var names []string
	for _, k := range settings.Keys() {
		names = append(names, cobra.CompletionWithDesc(k.Name, k.Doc))
	}
	return names, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}
