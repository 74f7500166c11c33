package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"offlinestore/catalog"
	"offlinestore/cmd/internal/cli"
)

// wantedPackage is an entry of a file for export snaps --from-yaml.
type wantedPackage struct {
	Name     string `yaml:"name"`
	Revision int    `yaml:"revision,omitempty"`
}

// printWantedSnaps prints a file for export snaps. The channels and architectures are flags of the export, so a comment has them.
func printWantedSnaps(w io.Writer, list []catalog.Wanted) error {
	packages := []wantedPackage{}
	var channels, archs, unnamed []string
	for _, item := range list {
		if item.Kind == catalog.WantedSnapID {
			unnamed = addOnce(unnamed, item.Name)
			continue
		}
		if p := (wantedPackage{item.Name, item.Revision}); !slices.Contains(packages, p) {
			packages = append(packages, p)
		}
		channels, archs = addOnce(channels, item.Channel), addOnce(archs, item.Architecture)
	}
	command := "store-admin export snaps --from-yaml FILE"
	for _, c := range channels {
		command += " --channel " + c
	}
	for _, a := range archs {
		command += " --arch " + a
	}
	printNote(w, command, "snap-id", unnamed)
	return printYAML(w, map[string]any{"packages": packages})
}

// wantedApplication is an application of a file for export charms.
type wantedApplication struct {
	Charm       string `yaml:"charm"`
	Channel     string `yaml:"channel,omitempty"`
	Revision    int    `yaml:"revision,omitempty"`
	Constraints string `yaml:"constraints,omitempty"`
}

// printWantedCharms prints a file for export charms.
func printWantedCharms(w io.Writer, list []catalog.Wanted) error {
	apps := make(map[string]wantedApplication)
	var unnamed []string
	for _, item := range list {
		if item.Kind == catalog.WantedCharmID {
			unnamed = addOnce(unnamed, item.Name)
			continue
		}
		app := wantedApplication{Charm: item.Name, Channel: item.Channel, Revision: item.Revision}
		if item.Architecture != "" {
			app.Constraints = "arch=" + item.Architecture
		}
		name := item.Name
		for n := 2; ; n++ {
			if _, ok := apps[name]; !ok {
				break
			}
			name = fmt.Sprintf("%s-n%d", item.Name, n)
		}
		apps[name] = app
	}
	printNote(w, "store-admin export charms FILE", "charm id", unnamed)
	return printYAML(w, map[string]any{"applications": apps})
}

func printNote(w io.Writer, command, id string, unnamed []string) {
	fmt.Fprintf(w, "# %s\n", cli.Clean(command))
	if len(unnamed) > 0 {
		fmt.Fprintf(w, "# clients also want %s, whose names are not known here: %s\n", cli.Count(len(unnamed), id), cli.Clean(strings.Join(unnamed, ", ")))
	}
}

func printYAML(w io.Writer, v any) error {
	e := yaml.NewEncoder(w)
	e.SetIndent(2)
	if err := e.Encode(v); err != nil {
		return err
	}
	return e.Close()
}

// addOnce adds a text to a list, unless it is empty or there.
func addOnce(list []string, s string) []string {
	if s == "" || slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}
