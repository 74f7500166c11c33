package charm

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"offlinestore/safeyaml"
)

// yamlMachine is a machine of a bundle.yaml.
type yamlMachine struct {
	Constraints string `yaml:"constraints"`
}

// constraintArch returns the architecture that constraints such as "arch=arm64 mem=4G" name, or "".
func constraintArch(constraints string) (string, error) {
	if len(constraints) > maxValue {
		return "", fmt.Errorf("constraints %.60q…: longer than %d bytes", constraints, maxValue)
	}
	arch := ""
	for word := range strings.FieldsSeq(constraints) {
		if name, value, ok := strings.Cut(word, "="); ok && name == "arch" {
			arch = value
		}
	}
	if arch != "" && !slices.Contains(Architectures(), arch) {
		return "", fmt.Errorf("constraints: architecture %.60q: want one of %s", arch, strings.Join(Architectures(), ", "))
	}
	return arch, nil
}

// ownArchitectures returns the architectures in an application's constraints and in the URL of its charm.
func (a *yamlApplication) ownArchitectures(ref *charmRef) ([]string, error) {
	var out []string
	if a.Constraints != nil {
		arch, err := constraintArch(*a.Constraints)
		if err != nil {
			return nil, err
		}
		out = addArchitecture(out, arch)
	}
	if len(out) == 0 {
		out = addArchitecture(out, ref.arch)
	}
	return out, nil
}

// addArchitecture adds arch to a sorted list, unless it is empty or there already.
func addArchitecture(list []string, arch string) []string {
	i, found := slices.BinarySearch(list, arch)
	if found || arch == "" {
		return list
	}
	return slices.Insert(list, i, arch)
}

// placements knows on which architectures the machines of a bundle put its applications.
type placements struct {
	// units is set if the applications have units in machines: a list of charms names neither.
	units    bool
	machines map[string]string // the architecture of each machine, or ""
	apps     map[string]*Application
	yaml     map[string]*yamlApplication
	all      []string // that any application or machine names
}

func (y *yamlBundle) placements(yaml map[string]*yamlApplication, apps []Application) (*placements, error) {
	p := &placements{machines: make(map[string]string), apps: make(map[string]*Application), yaml: yaml}
	for _, name := range slices.Sorted(maps.Keys(y.Machines)) {
		n := followed(y.Machines[name])
		var m yamlMachine
		if err := safeyaml.DecodeNode(&n, &m); err != nil {
			return nil, fmt.Errorf("machine %.60s: %w", name, err)
		}
		arch, err := constraintArch(m.Constraints)
		if err != nil {
			return nil, fmt.Errorf("machine %.60s: %w", name, err)
		}
		p.machines[name], p.all = arch, addArchitecture(p.all, arch)
	}
	for i := range apps {
		p.apps[apps[i].Name] = &apps[i]
		for _, arch := range apps[i].Architectures {
			p.all = addArchitecture(p.all, arch)
		}
		p.units = p.units || yaml[apps[i].Name].hasUnits()
	}
	p.units = p.units && y.Type != kubernetesSeries
	return p, nil
}

// beside returns the architectures of the machines of an application, as far as the bundle names them. An application without units
// runs beside the others, so it may get any of their architectures.
func (p *placements) beside(name string) (out []string) {
	seen := map[string]bool{name: true}
	for todo := []string{name}; len(todo) > 0; todo = todo[1:] {
		a, app := p.yaml[todo[0]], p.apps[todo[0]]
		if a == nil || app == nil {
			continue
		}
		archs := app.Architectures
		if len(archs) == 0 && len(a.To) == 0 && !a.hasUnits() && p.units {
			archs = p.all
		}
		if len(archs) > 0 {
			for _, arch := range archs {
				out = addArchitecture(out, arch)
			}
			continue
		}
		for _, to := range a.To {
			// A place is a machine or an application, maybe one unit of it, or a container there: lxd:0, app/1.
			if _, in, ok := strings.Cut(to, ":"); ok {
				to = in
			}
			to, _, _ = strings.Cut(to, "/")
			if arch, ok := p.machines[to]; ok {
				out = addArchitecture(out, arch)
			} else if !seen[to] {
				seen[to] = true
				todo = append(todo, to)
			}
		}
	}
	return out
}

// hasUnits reports whether an application has machines of its own.
func (a *yamlApplication) hasUnits() bool {
	return a.NumUnits != nil && *a.NumUnits > 0 || a.Scale != nil && *a.Scale > 0
}

// places are the machines of an application. Some bundles have one in place of a list.
type places []string

// UnmarshalYAML reads a list or a single place.
func (p *places) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		*p = places{n.Value}
		return nil
	}
	return n.Decode((*[]string)(p))
}
