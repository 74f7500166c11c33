package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"offlinestore/blob"
	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
	"offlinestore/instance/settings"
)

// configOptions are the flags of config.
type configOptions struct{ asJSON, showSecret, passwordStdin, exportYAML, importYAML bool }

func newConfig(dir *instance.Dir) *cobra.Command {
	var o configOptions
	c := &cobra.Command{
		Use:   "config [KEY | KEY=VALUE…]",
		Short: "Show or change the settings",
		Long: `Without arguments, list the settings; secrets are shown as ` + settings.Redacted + `.
An empty value brings a setting's default back. A running 'serve' takes up what
can change while it runs; the command says what needs a restart.

A secret given as KEY=- is asked for on the terminal, or read from standard input,
so that it is in no command line. A database connection without a password asks
for one on a terminal, and takes it from standard input with --password-stdin.`,
		Example: `  snap-store-proxy config
  snap-store-proxy config proxy.domain
  snap-store-proxy config proxy.domain=snaps.example.internal
  snap-store-proxy config proxy.db.connection=postgresql://store@db1.example.internal,db2.example.internal/store?target_session_attrs=read-write
  snap-store-proxy config proxy.oci-registry.username=juju proxy.oci-registry.password=-
  (umask 077; snap-store-proxy config --export-yaml >store-config.yaml)
  snap-store-proxy config --import-yaml <store-config.yaml`,
		ValidArgsFunction: completeKey,
		RunE:              func(c *cobra.Command, args []string) error { return runConfig(c, dir, o, args) },
	}
	f := c.Flags()
	f.BoolVar(&o.asJSON, "json", false, "list as JSON")
	f.BoolVar(&o.showSecret, "show-secret", false, "print KEY also if it is secret")
	f.BoolVar(&o.passwordStdin, "password-stdin", false, "read the password of a database connection from standard input")
	f.BoolVar(&o.exportYAML, "export-yaml", false, "print all settings that are set as YAML, secrets included")
	f.BoolVar(&o.importYAML, "import-yaml", false, "set what standard input has: YAML by --export-yaml, of this program or of the original")
	return c
}

func runConfig(c *cobra.Command, dir *instance.Dir, o configOptions, args []string) error {
	if (o.exportYAML || o.importYAML) && (len(args) > 0 || o != (configOptions{exportYAML: true}) && o != (configOptions{importYAML: true})) {
		return cli.Usagef("--export-yaml and --import-yaml are for all settings, and stand alone")
	}
	if err := dir.Enter(); err != nil {
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
	case o.asJSON || o.showSecret:
		return cli.Usagef("--json and --show-secret are for showing settings")
	}
	changes, err := o.changes(args)
	if err != nil {
		return err
	}
	return change(dir, s, changes)
}

// completeKey tells a shell which settings there are.
func completeKey(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	var names []string
	for _, k := range settings.Keys() {
		names = append(names, cobra.CompletionWithDesc(k.Name, k.Doc))
	}
	return names, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// configEntry is a setting as --json shows it.
type configEntry struct {
	Key     string `json:"key"`
	Value   string `json:"value"`
	IsSet   bool   `json:"is-set"`
	Secret  bool   `json:"secret"`
	Restart bool   `json:"needs-restart"`
	About   string `json:"about"`
}

func (o configOptions) list(w io.Writer, s *settings.Settings) error {
	if o.showSecret || o.passwordStdin {
		return cli.Usagef("--show-secret and --password-stdin want the name of a setting")
	}
	var list []configEntry
	for _, e := range s.List() {
		list = append(list, configEntry{e.Name, e.Value, e.IsSet, e.Secret, e.NeedsRestart(), e.Doc})
	}
	if o.asJSON {
		return cli.PrintJSON(w, map[string]any{"settings": list})
	}
	for _, e := range list {
		if n := strings.Count(strings.TrimSpace(e.Value), "\n"); n > 0 {
			e.Value = fmt.Sprintf("<%d lines: 'config %s' prints them>", n+1, e.Key)
		}
		fmt.Fprintf(w, "%s: %s\n", e.Key, e.Value)
	}
	return nil
}

// show prints one setting, as it is without anything around it, for scripts.
func (o configOptions) show(w io.Writer, s *settings.Settings, name string) error {
	value, err := s.Get(name)
	switch {
	case err != nil:
		return err
	case o.passwordStdin:
		return cli.Usagef("--password-stdin: want KEY=VALUE")
	}
	for _, e := range s.List() {
		if e.Name != name {
			continue
		}
		if !o.showSecret && e.Value != value {
			value = e.Value
			fmt.Fprintln(os.Stderr, "What is secret is not shown; --show-secret prints it.")
		}
		if o.asJSON {
			return cli.PrintJSON(w, configEntry{name, value, e.IsSet, e.Secret, e.NeedsRestart(), e.Doc})
		}
	}
	_, err = fmt.Fprintln(w, strings.TrimSuffix(value, "\n"))
	return err
}

// changes reads the arguments of a change, and asks for what they leave out.
func (o configOptions) changes(args []string) (map[string]string, error) {
	changes := make(map[string]string)
	input := &secretInput{password: o.passwordStdin}
	for _, a := range args {
		key, value, ok := strings.Cut(a, "=")
		if !ok {
			return nil, cli.Usagef("%q: want KEY=VALUE", a)
		}
		if _, twice := changes[key]; twice {
			return nil, cli.Usagef("%s is given twice", key)
		}
		k, err := settings.Lookup(key)
		if err != nil {
			return nil, err
		}
		if changes[key], err = input.complete(k, value); err != nil {
			return nil, err
		}
	}
	if input.password {
		return nil, cli.Usagef("--password-stdin: no database connection is set that lacks a password")
	}
	return changes, nil
}

// change sets settings, and says when that counts.
func change(dir *instance.Dir, s *settings.Settings, changes map[string]string) error {
	before, err := dir.Settings()
	if err != nil {
		return err
	}
	if err := s.Set(changes); err != nil {
		return err
	}
	var now, restart []string
	for _, k := range settings.Changed(before, s) {
		if k.NeedsRestart() {
			restart = append(restart, k.Name)
		} else {
			now = append(now, k.Name)
		}
	}
	if len(now) > 0 {
		fmt.Fprintf(os.Stderr, "If 'snap-store-proxy serve' runs, it takes up within seconds: %s\n", strings.Join(now, ", "))
	}
	if len(restart) > 0 {
		fmt.Fprintf(os.Stderr, "If 'snap-store-proxy serve' runs, it must be restarted to take up: %s\n", strings.Join(restart, ", "))
	}
	if len(now)+len(restart) == 0 {
		fmt.Fprintln(os.Stderr, "That was so already.")
	}
	return nil
}

func exportYAML(w io.Writer, s *settings.Settings) error {
	if cli.IsTerminal(os.Stdout) {
		fmt.Fprintln(os.Stderr, "This has secrets in it. Keep the file that you put it in to yourself (umask 077).")
	}
	text, err := s.ExportYAML()
	if err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}

// importYAML sets all that r has, or nothing.
func importYAML(dir *instance.Dir, s *settings.Settings, r io.Reader) error {
	if cli.IsTerminal(os.Stdin) {
		fmt.Fprintln(os.Stderr, "Settings as YAML, ended by Ctrl-D:")
	}
	text, err := cli.ReadInput(r, settings.MaxYAML)
	if _, ok := errors.AsType[*blob.SizeError](err); ok {
		return cli.Usagef("%w", err)
	}
	if err != nil {
		return err
	}
	changes, ignored, err := settings.ParseYAML(text)
	if err != nil {
		return &cli.Error{Code: cli.Usage, Err: err, Hint: "nothing was changed; 'snap-store-proxy config' lists the settings"}
	}
	if len(changes)+len(ignored) == 0 {
		return &cli.Error{Code: cli.Usage, Err: errors.New("standard input has no settings"), Hint: "give a file: snap-store-proxy config --import-yaml <store-config.yaml"}
	}
	for _, i := range ignored {
		fmt.Fprintf(os.Stderr, "Left out %s: %s\n", i.Name, i.Why)
	}
	if len(ignored) > 0 && changes[settings.DBConnection] != "" {
		fmt.Fprintf(os.Stderr, "If the original still uses the database of %s, give this store one of its own.\n", settings.DBConnection)
	}
	if err := change(dir, s, changes); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "Imported %s\n", cli.Count(len(changes), "setting"))
	return nil
}
