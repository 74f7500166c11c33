package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"offlinestore/cmd/internal/cli"
	"offlinestore/instance/settings"
)

// configOptions are the flags of config.
type configOptions struct{ asJSON, showSecret, passwordStdin, exportYAML, importYAML bool }

func (o configOptions) list(w io.Writer, s *settings.Settings) error {
	if o.showSecret || o.passwordStdin {
		return cli.Usagef("--show-secret and --password-stdin want the name of a setting")
	}
	list := s.Rows()
	if o.asJSON {
		return cli.PrintJSON(w, map[string]any{"settings": list})
	}
	hidden := false
	for _, e := range list {
		hidden = hidden || strings.Contains(e.Value, settings.Redacted)
		if n := strings.Count(strings.TrimSpace(e.Value), "\n"); n > 0 && cli.IsTerminal(os.Stdout) {
			e.Value = fmt.Sprintf("<%d lines: 'config %s' prints them>", n+1, e.Key)
		}
		fmt.Fprintf(w, "%s: %s\n", e.Key, strings.TrimSuffix(e.Value, "\n"))
	}
	if hidden && !cli.IsTerminal(os.Stdout) {
		fmt.Fprintln(os.Stderr, "Secrets are not in this list: 'config KEY' and 'config --export-yaml' write them to a file.")
	}
	return nil
}

// show prints the bare value of one setting, for scripts.
func (o configOptions) show(w io.Writer, s *settings.Settings, name string) error {
	e, err := o.entry(s, name)
	switch {
	case err != nil || e == nil:
		return err
	case o.asJSON:
		return cli.PrintJSON(w, e)
	case e.Value == "":
		cli.Note("%s is not set.\n", name)
		return nil
	}
	_, err = fmt.Fprintln(w, strings.TrimSuffix(e.Value, "\n"))
	return err
}

// showSeveral prints some of the settings in the order of the arguments, each as a line of the list of all.
func (o configOptions) showSeveral(w io.Writer, s *settings.Settings, names []string) error {
	list := []*settings.Row{}
	for _, name := range names {
		e, err := o.entry(s, name)
		if err != nil {
			return err
		}
		if e != nil {
			list = append(list, e)
		}
	}
	if o.asJSON {
		return cli.PrintJSON(w, map[string]any{"settings": list})
	}
	for _, e := range list {
		if _, err := fmt.Fprintf(w, "%s: %s\n", e.Key, strings.TrimSuffix(e.Value, "\n")); err != nil {
			return err
		}
	}
	return nil
}

// entry returns a setting that the command line names, or nil for a setting of the original without a meaning here. Only a terminal
// does not get a secret, since others may look at it.
func (o configOptions) entry(s *settings.Settings, name string) (*settings.Row, error) {
	if o.passwordStdin {
		return nil, cli.Usagef("--password-stdin: want KEY=VALUE")
	}
	e, hidden, err := s.Row(name, o.showSecret || !cli.IsTerminal(os.Stdout))
	if why := obsolete(err); why != "" {
		fmt.Fprintf(os.Stderr, "%s has no meaning here: %s\n", name, why)
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if hidden {
		fmt.Fprintf(os.Stderr, "What is secret in %s is not shown; --show-secret prints it.\n", name)
	}
	return &e, nil
}
