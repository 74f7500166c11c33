package main

import (
	"fmt"
	"io"
	"slices"

	"offlinestore/cmd/internal/cli"
	"offlinestore/instance/settings"
)

// showSeveral prints some of the settings in the order of the arguments, each as a line of the list of all. Settings of the original
// without a meaning here are left out.
func (o configOptions) showSeveral(w io.Writer, s *settings.Settings, names []string) error {
	if o.showSecret || o.passwordStdin {
		return cli.Usagef("--show-secret and --password-stdin want the name of one setting")
	}
	var list []settings.Entry
	for _, name := range names {
		_, err := settings.Lookup(name)
		if why := obsolete(err); why != "" {
			warnOfObsolete(settings.Omission{Name: name, Why: why})
			continue
		}
		if err != nil {
			return err
		}
		all := s.List()
		list = append(list, all[slices.IndexFunc(all, func(e settings.Entry) bool { return e.Name == name })])
	}
	if o.asJSON {
		entries := []configEntry{}
		for _, e := range list {
			entries = append(entries, configEntry{e.Name, e.Value, e.IsSet, e.Secret, e.NeedsRestart(), e.Doc})
		}
		return cli.PrintJSON(w, map[string]any{"settings": entries})
	}
	for _, e := range list {
		fmt.Fprintf(w, "%s: %s\n", e.Name, e.Value)
	}
	return nil
}
