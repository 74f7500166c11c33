package main

import (
	"bytes"
	"context"
	"flag"
	"strings"

	"github.com/snapcore/snapd/store"
)

func setupInfo(fs *flag.FlagSet) runner {
	var t target
	t.addFlags(fs)
	return func(ctx context.Context, args []string) (any, error) {
		if len(args) != 1 {
			return nil, usageError("name one snap")
		}
		sto, err := t.open()
		if err != nil {
			return nil, err
		}
		info, err := sto.SnapInfo(ctx, store.SnapSpec{Name: args[0]}, nil)
		if err != nil {
			return nil, err
		}
		return newSnapsResult(info), nil
	}
}

func setupCohorts(fs *flag.FlagSet) runner {
	var t target
	t.addFlags(fs)
	return func(ctx context.Context, args []string) (any, error) {
		sto, err := t.open()
		if err != nil {
			return nil, err
		}
		keys, err := sto.CreateCohorts(ctx, args)
		if err != nil {
			return nil, err
		}
		return map[string]any{"cohort-keys": keys}, nil
	}
}

func setupFind(fs *flag.FlagSet) runner {
	var t target
	t.addFlags(fs)
	var s store.Search
	fs.StringVar(&s.Query, "query", "", "`WORDS` to search for")
	fs.BoolVar(&s.Prefix, "name", false, "take --query as the beginning of a name")
	fs.StringVar(&s.Category, "section", "", "`SECTION` to search in")
	fs.StringVar(&s.CommonID, "common-id", "", "AppStream `ID` to search for")
	fs.StringVar(&s.Scope, "scope", "", "\"wide\" to search for more than the stable risk")
	return func(ctx context.Context, args []string) (any, error) {
		if len(args) != 0 {
			return nil, usageError("use --query")
		}
		sto, err := t.open()
		if err != nil {
			return nil, err
		}
		found, err := sto.Find(ctx, &s, nil)
		if err != nil {
			return nil, err
		}
		return newSnapsResult(found...), nil
	}
}

func setupSections(fs *flag.FlagSet) runner {
	var t target
	t.addFlags(fs)
	return func(ctx context.Context, _ []string) (any, error) {
		sto, err := t.open()
		if err != nil {
			return nil, err
		}
		sections, err := sto.Sections(ctx, nil)
		if err != nil {
			return nil, err
		}
		return map[string]any{"sections": sections}, nil
	}
}

// catalog is the result of the names subcommand. It collects the entries that snapd would put into its database of
// commands.
type catalog struct {
	Names   []string       `json:"names"`
	Entries []catalogEntry `json:"catalog"`
}

type catalogEntry struct {
	Name     string   `json:"name"`
	Version  string   `json:"version"`
	Summary  string   `json:"summary"`
	Commands []string `json:"commands"`
}

// AddSnap adds one snap of the catalogue.
func (c *catalog) AddSnap(name, version, summary string, commands []string) error {
	c.Entries = append(c.Entries, catalogEntry{Name: name, Version: version, Summary: summary, Commands: commands})
	return nil
}

func setupNames(fs *flag.FlagSet) runner {
	var t target
	t.addFlags(fs)
	return func(ctx context.Context, _ []string) (any, error) {
		sto, err := t.open()
		if err != nil {
			return nil, err
		}
		var names bytes.Buffer
		c := &catalog{Entries: []catalogEntry{}}
		if err := sto.WriteCatalogs(ctx, &names, c); err != nil {
			return nil, err
		}
		c.Names = strings.Fields(names.String())
		return c, nil
	}
}
