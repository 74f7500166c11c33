package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"offlinestore/cmd/internal/cli"
)

// addOfflineCompletion makes shells complete the names of models and keys in the air-gapped store.
func addOfflineCompletion(root *cobra.Command) {
	for path, what := range map[string]struct {
		argument func(context.Context, *brandStore) []string
		flags    []string
	}{
		"delete key": {argument: nameKeys}, "export key-request": {argument: nameKeys},
		"delete model": {argument: nameModels}, "update model": {argument: nameModels}, "delete serial-policy": {argument: nameModels},
		"list serial-policies": {argument: nameModels}, "list serial-log": {argument: nameModels},
		"create serial-policy": {flags: []string{"model", "key"}},
		"create remodel":       {flags: []string{"from", "to"}}, "list remodels": {flags: []string{"from", "to"}}, "delete remodel": {flags: []string{"from", "to"}}, "update remodel": {flags: []string{"from", "to"}},
	} {
		c, _, err := root.Find(strings.Fields(path))
		if err != nil {
			panic("complete " + path + ": " + err.Error())
		}
		flags := make(map[string]cobra.CompletionFunc)
		for _, name := range what.flags {
			names := nameModels
			if name == "key" {
				names = nameKeys
			}
			flags[name] = completeNames(c, names, false)
		}
		var argument cobra.CompletionFunc
		if what.argument != nil {
			argument = completeNames(c, what.argument, true)
		}
		cli.SetCompletion(root, path, argument, flags)
	}
}

// completeNames completes names of the store and the brand that the flags of c give, or that an earlier command used. Only the first
// argument is a name.
func completeNames(c *cobra.Command, names func(context.Context, *brandStore) []string, isArgument bool) cobra.CompletionFunc {
	return cli.Complete(func(ctx context.Context, args []string, _ string) []string {
		if isArgument && len(args) > 0 {
			return nil
		}
		o := offlineOptions{url: c.Flag("store-url").Value.String(), brand: c.Flag("brand").Value.String(), silent: true}
		s, err := o.openBrand(ctx)
		if err != nil {
			return nil
		}
		return names(ctx, s)
	})
}

func nameKeys(ctx context.Context, s *brandStore) (names []string) {
	keys, err := s.SigningKeys(ctx, s.brand)
	if err != nil {
		return nil
	}
	for _, k := range keys {
		names = append(names, k.Name)
	}
	return names
}

func nameModels(ctx context.Context, s *brandStore) (names []string) {
	models, err := s.Models(ctx, s.brand)
	if err != nil {
		return nil
	}
	for _, m := range models {
		names = append(names, m.Name)
	}
	return names
}
