// Package settings keeps the configuration of snap-store-proxy, the proxy.* keys that its operators know, in one YAML file.
package settings

import (
	"fmt"
	"maps"
	"slices"

	"offlinestore/instance/conninfo"
)

// Settings are the settings as one file has them. They are not for use by several goroutines at once; several processes may
// change one file.
type Settings struct {
	path   string
	values map[string]string
	stamp  stamp // of the file that has these values, or of one before it
}

// Entry is a setting as a listing shows it.
type Entry struct {
	Key
	// Value is the value, or the default, with what is secret in it replaced by Redacted.
	Value string
	// IsSet is false when Value is the default.
	IsSet bool
}

// Redacted stands for a secret in a listing.
const Redacted = "<redacted>"

// Open reads the settings in a file. All have their defaults when there is no such file; a file that isn't wholly
// understood is an error that names the line.
func Open(path string) (*Settings, error) {
	now := stampOf(path)
	values, err := readFile(path)
	if err != nil {
		return nil, err
	}
	return &Settings{path, values, now}, nil
}

// Get is the value of a setting, secrets included, or its default. It is an *UnknownKeyError if there is no such setting.
func (s *Settings) Get(name string) (string, error) {
	k, err := Lookup(name)
	if err != nil {
		return "", err
	}
	return s.value(k), nil
}

// IsSet reports whether a setting has another value than its default, or was given the default itself.
func (s *Settings) IsSet(name string) bool {
	_, ok := s.values[name]
	return ok
}

// List is all settings, sorted by name.
func (s *Settings) List() []Entry {
	var list []Entry
	for _, k := range Keys() {
		list = append(list, Entry{k, k.redact(s.value(k)), s.IsSet(k.Name)})
	}
	return list
}

// Set changes settings and saves them; an empty value brings the default back. It takes all of the changes or none: it is an
// *UnknownKeyError or a *ValueError if one of them is unacceptable. What other processes have set since Open is kept, and
// visible in s afterwards.
func (s *Settings) Set(changes map[string]string) error {
	return s.change(changes, func(values map[string]string) {
		for name, v := range changes {
			if v == "" {
				delete(values, name)
			} else {
				values[name] = v
			}
		}
	})
}

// SetMissing is Set for those settings alone that have no value yet, also not by another process; it says which those were. Two
// that make a secret at the same time end up with one.
func (s *Settings) SetMissing(changes map[string]string) (set []string, err error) {
	err = s.change(changes, func(values map[string]string) {
		for _, name := range slices.Sorted(maps.Keys(changes)) {
			if _, ok := values[name]; !ok && changes[name] != "" {
				values[name] = changes[name]
				set = append(set, name)
			}
		}
	})
	if err != nil {
		return nil, err
	}
	return set, nil
}

// change checks the changes, and has apply make them to the values that the file has while nobody else may change it.
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
	if err := writeFile(s.path, values); err != nil {
		return err
	}
	s.values, s.stamp = values, stampOf(s.path)
	return nil
}

// redact returns v as a listing may show it.
func (k Key) redact(v string) string {
	switch {
	case !k.Secret || v == "":
		return v
	case k.Kind == KindConnection:
		return conninfo.Redact(v, Redacted)
	}
	return Redacted
}
