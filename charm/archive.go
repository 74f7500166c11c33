package charm

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"offlinestore/safeyaml"
)

// The files of a charm or charm bundle that Juju and the store read.
const (
	actionsFile  = "actions.yaml"
	bundleFile   = "bundle.yaml"
	configFile   = "config.yaml"
	manifestFile = "manifest.yaml"
	metadataFile = "metadata.yaml"
	readmeFile   = "README.md"
)

// maxBases limits the list in a manifest.yaml: each base counts once for each of its architectures.
const maxBases = 1000

// Archive holds the metadata files of a .charm.
type Archive struct {
	// The texts are the files at the root of the archive, byte for byte. Only MetadataYAML is always there.
	MetadataYAML, ConfigYAML, ActionsYAML string
	Metadata                              Metadata
	// Bases are the bases of manifest.yaml, in its order, without their risk. Their architecture may be All. Old charms have no
	// such bases. See ConcreteBases.
	Bases []Base
	// Faults are oddities of the files that Juju overlooks, for people.
	Faults []string
}

// Metadata holds the parts of metadata.yaml that a store needs.
type Metadata struct {
	Name, Summary, Description string
	Subordinate                bool
	// Series are the bases of old charms, which have no manifest.
	Series    []string
	Resources map[string]ResourceMeta
}

// ResourceMeta is the declaration of a resource in a charm's metadata.
type ResourceMeta struct {
	Type        string `yaml:"type"`
	Filename    string `yaml:"filename"`
	Description string `yaml:"description"`
}

type yamlMetadata struct {
	Name        string                  `yaml:"name"`
	Summary     string                  `yaml:"summary"`
	Description string                  `yaml:"description"`
	Subordinate yaml.Node               `yaml:"subordinate"`
	Series      []string                `yaml:"series"`
	Resources   map[string]ResourceMeta `yaml:"resources"`
}

type yamlManifest struct {
	Bases []struct {
		Name          string   `yaml:"name"`
		Channel       string   `yaml:"channel"`
		Architectures []string `yaml:"architectures"`
	} `yaml:"bases"`
}

// OpenArchive reads a .charm of size bytes. It reads a limited amount, even if the archive's headers claim more. Errors wrap
// ErrArchive if the archive is invalid.
func OpenArchive(r io.ReaderAt, size int64) (*Archive, error) {
	z, err := OpenZip(r, size)
	if err != nil {
		return nil, err
	}
	files, err := readRoot(z, metadataFile, configFile, actionsFile, manifestFile)
	if err != nil {
		return nil, err
	}
	if _, ok := files[metadataFile]; !ok {
		return nil, missing(z, metadataFile)
	}
	a := &Archive{MetadataYAML: files[metadataFile], ConfigYAML: files[configFile], ActionsYAML: files[actionsFile]}
	meta, err := ParseMetadata(a.MetadataYAML)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrArchive, err)
	}
	a.Metadata = *meta
	bases, repeated, err := parseManifest(files[manifestFile])
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrArchive, err)
	}
	a.Bases = bases
	a.addRepeated(manifestFile, repeated)
	_, repeated, _ = safeyaml.Parse([]byte(a.MetadataYAML), safeyaml.Options{MaxSize: MaxYAMLSize})
	a.addRepeated(metadataFile, repeated)
	// The store does not need the content of these files, but it refuses files that Juju would reject.
	for _, name := range []string{configFile, actionsFile} {
		_, repeated, err := safeyaml.Parse([]byte(files[name]), safeyaml.Options{MaxSize: MaxYAMLSize, AnyKeys: true})
		switch {
		case errors.Is(err, safeyaml.ErrTooLong):
			a.Faults = append(a.Faults, name+" is too long to be checked")
		case err != nil:
			return nil, fmt.Errorf("%w: parse %s: %w", ErrArchive, name, err)
		}
		a.addRepeated(name, repeated)
	}
	return a, nil
}

func (a *Archive) addRepeated(file string, keys []string) {
	if len(keys) > 0 {
		a.Faults = append(a.Faults, fmt.Sprintf("%s repeats the keys %s: the last value counts", file, strings.Join(keys, ", ")))
	}
}

// ParseMetadata parses a metadata.yaml.
func ParseMetadata(text string) (*Metadata, error) {
	var y yamlMetadata
	if _, err := safeyaml.Decode([]byte(text), safeyaml.Options{MaxSize: MaxYAMLSize}, &y); err != nil {
		return nil, fmt.Errorf("parse %s: %w", metadataFile, err)
	}
	if err := ValidateName(y.Name); err != nil {
		return nil, fmt.Errorf("parse %s: %w", metadataFile, err)
	}
	var subordinate bool
	if y.Subordinate.Decode(&subordinate) != nil {
		subordinate, _ = strconv.ParseBool(y.Subordinate.Value) // Juju also takes the text "true"
	}
	m := &Metadata{Name: y.Name, Summary: y.Summary, Description: y.Description, Subordinate: subordinate, Series: y.Series, Resources: y.Resources}
	for name := range y.Resources {
		if err := ValidateResourceName(name); err != nil {
			return nil, fmt.Errorf("parse %s: %w", metadataFile, err)
		}
	}
	return m, nil
}

// parseManifest returns the bases of a manifest.yaml, each once, and its repeated keys. A base without architectures has all of them.
func parseManifest(text string) (bases []Base, repeated []string, err error) {
	var y yamlManifest
	if repeated, err = safeyaml.Decode([]byte(text), safeyaml.Options{MaxSize: MaxYAMLSize}, &y); err != nil {
		return nil, nil, fmt.Errorf("parse %s: %w", manifestFile, err)
	}
	var out []Base
	for _, b := range y.Bases {
		if len(b.Architectures) == 0 {
			b.Architectures = []string{All}
		}
		for _, arch := range b.Architectures {
			base := Base{Architecture: arch, Channel: trackOf(b.Channel), Name: b.Name}
			if arch != All {
				if err := base.Validate(); err != nil {
					return nil, nil, fmt.Errorf("parse %s: %w", manifestFile, err)
				}
			} else if err := base.validateSystem(); err != nil {
				return nil, nil, fmt.Errorf("parse %s: %w", manifestFile, err)
			}
			if !slices.Contains(out, base) {
				out = append(out, base)
			}
			if len(out) > maxBases {
				return nil, nil, fmt.Errorf("parse %s: more than %d bases", manifestFile, maxBases)
			}
		}
	}
	return out, repeated, nil
}

// ConcreteBases returns the bases that the charm runs on: the bases of its manifest or, without a manifest, of its series. A base
// for all architectures becomes one base for each of archs. The result has the order of SortBases.
func (a *Archive) ConcreteBases(archs []string) []Base {
	if len(a.Bases) == 0 {
		return a.seriesBases(archs)
	}
	var out []Base
	for _, b := range a.Bases {
		if b.Architecture != All {
			out = append(out, b)
			continue
		}
		for _, arch := range archs {
			b.Architecture = arch
			out = append(out, b)
		}
	}
	SortBases(out)
	return slices.Compact(out)
}

// seriesBases returns the bases that the series of metadata.yaml name, for each of archs. Old charms have no other information.
// It skips unknown series. The series kubernetes counts as Ubuntu 20.04, as in Juju.
func (a *Archive) seriesBases(archs []string) []Base {
	var out []Base
	for _, s := range a.Metadata.Series {
		b, err := ParseBase(s)
		if err != nil {
			continue
		}
		if b == (Base{}) {
			b = Base{Name: Ubuntu, Channel: "20.04"}
		}
		for _, arch := range archs {
			b.Architecture = arch
			out = append(out, b)
		}
	}
	SortBases(out)
	return slices.Compact(out)
}

// BundleArchive holds the files of the archive of a charm bundle.
type BundleArchive struct {
	// BundleYAML and ReadmeMD are files at the root of the archive, byte for byte.
	BundleYAML, ReadmeMD string
	File                 *BundleFile
}

// OpenBundleArchive reads the archive of a charm bundle, of size bytes. Juju requires both of its files. OpenBundleArchive reads
// a limited amount.
func OpenBundleArchive(r io.ReaderAt, size int64) (*BundleArchive, error) {
	z, err := OpenZip(r, size)
	if err != nil {
		return nil, err
	}
	files, err := readRoot(z, bundleFile, readmeFile)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{bundleFile, readmeFile} {
		if _, ok := files[name]; !ok {
			return nil, missing(z, name)
		}
	}
	b := &BundleArchive{BundleYAML: files[bundleFile], ReadmeMD: files[readmeFile]}
	if b.File, err = ParseBundle([]byte(b.BundleYAML)); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrArchive, err)
	}
	return b, nil
}
