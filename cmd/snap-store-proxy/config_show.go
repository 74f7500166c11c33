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
	for _, e := range list {
		if n := strings.Count(strings.TrimSpace(e.Value), "\n"); n > 0 {
			e.Value = fmt.Sprintf("<%d lines: 'config %s' prints them>", n+1, e.Key)
		}
		fmt.Fprintf(w, "%s: %s\n", e.Key, e.Value)
	}
	return nil
}

// show prints the bare value of one setting, for scripts.
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
