package charm

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"offlinestore/channel"
	"offlinestore/safeyaml"
)

// Limits of a bundle.yaml.
const (
	maxApplications = 1000
	maxValue        = 1024 // bytes of names, paths and similar values
)

var errNoApplications = errors.New("no applications in it")

// BundleFile is a bundle.yaml: the applications to deploy together, sorted by name.
type BundleFile struct {
	Name, Description string
	Applications      []Application
	// Repeated are some of the keys that a mapping repeats. The last value counts, as in Juju.
	Repeated []string
}

// Application is one application of a charm bundle.
type Application struct {
	Name string
	// Charm is a name on Charmhub. If Local is set, it is the text of the bundle, such as a path.
	Charm    string
	Local    bool
	Channel  string // "" if the bundle names none
	Revision *int
	// Base has no architecture. It is zero if the bundle names no operating system.
	Base Base
	// Architectures come from the application's constraints, or from the URL of its charm. Without any, Beside has the architectures of
	// its machines, as far as the bundle names them. Juju asks for the model's architecture then, which the bundle does not name.
	Architectures, Beside []string
	Resources             map[string]ResourceValue
	// Published is set for an application of a charm bundle on Charmhub. Its images are upstream, wherever they are. In an operator's
	// own file, they are names in the registry of the air-gapped side. ParseBundle does not set it.
	Published bool
}

// ResourceValue is the value of an application's resource: a revision on Charmhub, or an Image.
type ResourceValue struct {
	Revision *int
	// Image is the path of a local file, or the name of an image. See Application.Published.
	Image string
}

// IsPath reports whether v names a local file, not an image.
func (v ResourceValue) IsPath() bool { return isPath(v.Image) }

func isPath(s string) bool {
	return strings.HasPrefix(s, "/") || strings.HasPrefix(s, "./") || strings.HasPrefix(s, "../") || strings.HasPrefix(s, "~/")
}

// yamlBundle is one document of a bundle.yaml: the bundle, or an overlay.
type yamlBundle struct {
	Name         string               `yaml:"name"`
	Description  string               `yaml:"description"`
	Type         string               `yaml:"bundle"`
	Series       string               `yaml:"series"`
	DefaultBase  string               `yaml:"default-base"`
	Applications map[string]yaml.Node `yaml:"applications"`
	// Services is the earlier name of the field applications.
	Services map[string]yaml.Node `yaml:"services"`
	Machines map[string]yaml.Node `yaml:"machines"`
}

// yamlApplication has pointers, so that fields that an overlay does not mention are nil.
type yamlApplication struct {
	Charm       *string              `yaml:"charm"`
	Series      *string              `yaml:"series"`
	Base        *string              `yaml:"base"`
	Channel     *string              `yaml:"channel"`
	Revision    *int                 `yaml:"revision"`
	Resources   map[string]yaml.Node `yaml:"resources"`
	Constraints *string              `yaml:"constraints"`
	NumUnits    *int                 `yaml:"num_units"`
	Scale       *int                 `yaml:"scale"`
	To          places               `yaml:"to"`
}

func (y *yamlBundle) build(apps map[string]*yamlApplication) (*BundleFile, error) {
	b := &BundleFile{Name: y.Name, Description: y.Description}
	var gone []string
	for _, name := range slices.Sorted(maps.Keys(apps)) {
		app, err := apps[name].build(name, y)
		if errors.Is(err, errCharmStore) {
			gone = append(gone, *apps[name].Charm)
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("application %.60s: %w", name, err)
		}
		b.Applications = append(b.Applications, *app)
	}
	if len(gone) > 0 {
		slices.Sort(gone)
		return nil, fmt.Errorf("%w, so these are to be had no more: %.1000s", errCharmStore, strings.Join(slices.Compact(gone), ", "))
	}
	p, err := y.placements(apps, b.Applications)
	if err != nil {
		return nil, err
	}
	for i := range b.Applications {
		if app := &b.Applications[i]; len(app.Architectures) == 0 {
			app.Beside = p.beside(app.Name)
		}
	}
	return b, nil
}

func (a *yamlApplication) build(name string, y *yamlBundle) (*Application, error) {
	if a.Charm == nil || *a.Charm == "" {
		return nil, errors.New("no charm")
	}
	ref, err := parseCharmRef(*a.Charm)
	if err != nil {
		return nil, err
	}
	app := &Application{Name: name, Charm: ref.name, Local: ref.local, Revision: ref.revision}
	if a.Revision != nil {
		if app.Revision != nil && *app.Revision != *a.Revision {
			return nil, fmt.Errorf("revision %d in its charm, and %d beside it", *app.Revision, *a.Revision)
		}
		app.Revision = a.Revision
	}
	if app.Revision != nil {
		if err := validateRevision(*app.Revision, 0); err != nil {
			return nil, err
		}
	}
	if a.Channel != nil && *a.Channel != "" {
		if _, err := channel.Parse(*a.Channel); err != nil {
			return nil, err
		}
		app.Channel = *a.Channel
	}
	if said := firstOf(a.Base, a.Series, &ref.series, &y.DefaultBase, &y.Series); said != "" {
		if app.Base, err = ParseBase(said); err != nil {
			return nil, err
		}
	}
	if app.Architectures, err = a.ownArchitectures(ref); err != nil {
		return nil, err
	}
	app.Resources, err = buildResources(a.Resources)
	return app, err
}

func firstOf(said ...*string) string {
	for _, s := range said {
		if s != nil && *s != "" {
			return *s
		}
	}
	return ""
}

func buildResources(nodes map[string]yaml.Node) (map[string]ResourceValue, error) {
	if len(nodes) == 0 {
		return nil, nil
	}
	out := make(map[string]ResourceValue, len(nodes))
	for name, n := range nodes {
		if err := ValidateResourceName(name); err != nil {
			return nil, err
		}
		var v ResourceValue
		switch n.ShortTag() {
		case "!!int":
			var rev int
			if err := safeyaml.DecodeNode(&n, &rev); err != nil || validateRevision(rev, 0) != nil {
				return nil, fmt.Errorf("resource %s: revision %.20s: out of range", name, n.Value)
			}
			v.Revision = &rev
		case "!!str":
			if len(n.Value) > maxValue || strings.ContainsFunc(n.Value, func(r rune) bool { return r < ' ' || r == 0x7f }) {
				return nil, fmt.Errorf("resource %s: %.60q: want the path of a file or an image", name, n.Value)
			}
			v.Image = n.Value
		default:
			return nil, fmt.Errorf("resource %s: want a revision, or the path of a file or an image", name)
		}
		out[name] = v
	}
	return out, nil
}
