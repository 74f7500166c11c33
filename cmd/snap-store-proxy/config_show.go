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

// configEntry is the JSON of a setting.
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

// show prints the bare value of one setting, for scripts. Only a terminal does not get a secret, since others may look at it.
func (o configOptions) show(w io.Writer, s *settings.Settings, name string) error {
	value, err := s.Get(name)
	if why := obsolete(err); why != "" {
		fmt.Fprintf(os.Stderr, "%s has no meaning here: %s\n", name, why)
		return nil
	}
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
		if !o.showSecret && e.Value != value && cli.IsTerminal(os.Stdout) {
			value = e.Value
			fmt.Fprintln(os.Stderr, "What is secret is not shown; --show-secret prints it.")
		}
		if o.asJSON {
			return cli.PrintJSON(w, configEntry{name, value, e.IsSet, e.Secret, e.NeedsRestart(), e.Doc})
		}
	}
	if value == "" {
		fmt.Fprintf(os.Stderr, "%s is not set.\n", name)
		return nil
	}
	_, err = fmt.Fprintln(w, strings.TrimSuffix(value, "\n"))
	return err
}
