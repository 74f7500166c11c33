// Package settings keeps the configuration of snap-store-proxy, the proxy.* keys that its operators know, in one YAML file.
package settings

import (
	"fmt"
	"maps"
	"slices"

	"offlinestore/instance/conninfo"
)

// Settings are the settings in one file. Only one goroutine may use them at a time, but several processes may change the file.
type Settings struct {
	path   string
	values map[string]string
	stamp  stamp // of the file with these values, or of an earlier one
	keep   Keeper
}

// Keeper keeps a record of a change from before to after, which write makes.
type Keeper func(before, after map[string]string, write func() error) error

// Record gives each change to k.
func (s *Settings) Record(k Keeper) { s.keep = k }

// Entry is a setting in a listing.
type Entry struct {
	Key
	// Value is the value or the default, with Redacted in place of a secret.
	Value string
	// IsSet is false if Value is the default.
	IsSet bool
}

// Redacted stands for a secret in a listing.
const Redacted = "<redacted>"

// Open reads the settings in a file. If there is no file, all settings have their defaults. If a part of the file is not
// understood, the error names the line.
func Open(path string) (*Settings, error) {
	now := stampOf(path)
	values, err := readFile(path)
	if err != nil {
		return nil, err
	}
	return &Settings{path: path, values: values, stamp: now}, nil
}

// Get returns the value of a setting, secrets included, or its default. If there is no such setting, it returns an
// *UnknownKeyError.
func (s *Settings) Get(name string) (string, error) {
	k, err := Lookup(name)
	if err != nil {
		return "", err
	}
	return s.value(k), nil
}

// IsSet reports whether a setting was given a value, even if that is the default.
func (s *Settings) IsSet(name string) bool {
	_, ok := s.values[name]
	return ok
}

// List returns all settings, sorted by name.
func (s *Settings) List() []Entry {
	var list []Entry
	for _, k := range Keys() {
		list = append(list, Entry{k, k.redact(s.value(k)), s.IsSet(k.Name)})
	}
	return list
}

// Set changes settings and saves them; an empty value resets a setting to its default. It makes all of the changes or none, and
// returns an *UnknownKeyError or a *ValueError for a bad one. It keeps the changes that other processes made since Open, and s has
// them afterwards.
func (s *Settings) Set(changes map[string]string) error {
	return s.change(changes, func(values map[string]string) {
		for name, v := range changes {
			if v == "" {
				delete(values, name)
			} else {
				values[name] = canonical(name, v)
			}
		}
	})
}

// SetMissing sets only those settings that have no value yet, also not from another process, and returns their names. If two
// processes make a secret at the same time, both end up with the same one.
func (s *Settings) SetMissing(changes map[string]string) (set []string, err error) {
	err = s.change(changes, func(values map[string]string) {
		for _, name := range slices.Sorted(maps.Keys(changes)) {
			if _, ok := values[name]; !ok && changes[name] != "" {
				values[name] = canonical(name, changes[name])
				set = append(set, name)
			}
		}
	})
	if err != nil {
		return nil, err
	}
	return set, nil
}

// change validates the changes, and calls apply on the values in the file while no other process may change it.
func (s *Settings) change(changes map[string]string, apply func(map[string]string)) error {
	for _, name := range slices.Sorted(maps.Keys(changes)) {
		k, err := Lookup(name)
		if err != nil {
			return err
		}
		if changes[name] == "" {
			continue
		}
		if err := k.validate(changes[name]); err != nil {
			return err
		}
	}
	lock, err := lockFile(s.path)
	if err != nil {
		return err
	}
	defer lock.Close()
	now := stampOf(s.path)
	values, err := readFile(s.path)
	if err != nil {
		return fmt.Errorf("change settings: %w", err)
	}
	before := maps.Clone(values)
	if apply(values); maps.Equal(before, values) {
		s.values, s.stamp = values, now
		return nil
	}
	removeUnfinished(s.path)
	write := func() error { return writeFile(s.path, values) }
	if s.keep != nil {
		err = s.keep(before, values, write)
	} else {
		err = write()
	}
	if err != nil {
		return err
	}
	s.values, s.stamp = values, stampOf(s.path)
	return nil
}

// canonical returns a valid value of a setting in the form in which it is kept.
func canonical(name, v string) string {
	k, err := Lookup(name)
	if err != nil {
		return v
	}
	return k.canonical(v)
}

// Redact returns the value of a setting without secrets. It also redacts settings that it does not know.
func Redact(name, v string) string {
	k, err := Lookup(name)
	if err != nil {
		return Redacted
	}
	return k.redact(v)
}

// redact returns v in the form for listings.
func (k Key) redact(v string) string {
	switch {
	case !k.Secret || v == "":
		return v
	case k.Kind == KindConnection:
		return conninfo.Redact(v, Redacted)
	case k.Kind == KindProxy:
		return redactProxy(v)
	}
	return Redacted
}
