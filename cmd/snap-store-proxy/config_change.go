package main

import (
	"strings"

	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
	"offlinestore/instance/settings"
)

// changes reads the arguments of a change, and asks for missing values.
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
		if why := obsolete(err); why != "" {
			warnOfObsolete(settings.Omission{Name: key, Why: why})
			continue
		}
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

// change changes settings, and prints when the change takes effect.
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
		cli.Note("If 'snap-store-proxy serve' runs, it takes up within seconds: %s\n", strings.Join(now, ", "))
	}
	if len(restart) > 0 {
		cli.Note("If 'snap-store-proxy serve' runs, it must be restarted to apply: %s\n", strings.Join(restart, ", "))
	}
	if len(now)+len(restart) == 0 {
		cli.Note("Nothing changed.\n")
	}
	return nil
}
