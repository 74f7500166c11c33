package wanted

import (
	"fmt"
	"io"
	"slices"

	"go.yaml.in/yaml/v3"

	"offlinestore/catalog"
)

// File is a file that tells the exporter what to bring.
type File struct {
	// Channels and Architectures are wanted, too, but the file has no place for them.
	Channels, Architectures []string
	// Unnamed are the IDs of items whose names are not known. The file lacks them.
	Unnamed []string

	content map[string]any
}

// entry is a snap in a file.
type entry struct {
	Name     string `yaml:"name"`
	Revision int    `yaml:"revision,omitempty"`
}

// application is a charm in a file.
type application struct {
	Charm       string `yaml:"charm"`
	Channel     string `yaml:"channel,omitempty"`
	Revision    int    `yaml:"revision,omitempty"`
	Constraints string `yaml:"constraints,omitempty"`
}

// Snaps returns the file for wanted snaps.
func Snaps(list []catalog.Wanted) *File {
	f := &File{}
	packages := []entry{}
	for _, item := range list {
		if item.Kind == catalog.WantedSnapID {
			f.Unnamed = addOnce(f.Unnamed, item.Name)
			continue
		}
		if p := (entry{item.Name, item.Revision}); !slices.Contains(packages, p) {
			packages = append(packages, p)
		}
		f.Channels, f.Architectures = addOnce(f.Channels, item.Channel), addOnce(f.Architectures, item.Architecture)
	}
	f.content = map[string]any{"packages": packages}
	return f
}

// Charms returns the file for wanted charms.
func Charms(list []catalog.Wanted) *File {
	f := &File{}
	apps := make(map[string]application)
	for _, item := range list {
		if item.Kind == catalog.WantedCharmID {
			f.Unnamed = addOnce(f.Unnamed, item.Name)
			continue
		}
		app := application{Charm: item.Name, Channel: item.Channel, Revision: item.Revision}
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
	f.content = map[string]any{"applications": apps}
	return f
}

// WriteYAML writes the file.
func (f *File) WriteYAML(w io.Writer) error {
	e := yaml.NewEncoder(w)
	e.SetIndent(2)
	if err := e.Encode(f.content); err != nil {
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
