package charm

import (
	"fmt"
	"io"
	"slices"
)

// The files of a charm or bundle that Juju and the store read.
const (
	actionsFile  = "actions.yaml"
	bundleFile   = "bundle.yaml"
	configFile   = "config.yaml"
	manifestFile = "manifest.yaml"
	metadataFile = "metadata.yaml"
	readmeFile   = "README.md"
)

// maxBases bounds what a manifest.yaml lists, each base with each of its architectures.
const maxBases = 1000

// Archive is what a .charm says of itself.
type Archive struct {
	// The files are those at the root of the archive, byte for byte. Only MetadataYAML is always there.
	MetadataYAML, ConfigYAML, ActionsYAML string
	Metadata                              Metadata
	// Bases are those of manifest.yaml, in its order, without their risk. Their architecture may be All; old charms have none of
	// them. See ConcreteBases.
	Bases []Base
}

// Metadata is what metadata.yaml says, as far as a store needs it.
type Metadata struct {
	Name, Summary, Description string
	Subordinate                bool
	// Series are what old charms have instead of a manifest.
	Series    []string
	Resources map[string]ResourceMeta
}

// ResourceMeta is what a charm says of a resource that it wants.
type ResourceMeta struct {
	Type        string `yaml:"type"`
	Filename    string `yaml:"filename"`
	Description string `yaml:"description"`
}

type yamlMetadata struct {
	Name        string                  `yaml:"name"`
	Summary     string                  `yaml:"summary"`
	Description string                  `yaml:"description"`
	Subordinate bool                    `yaml:"subordinate"`
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

// OpenArchive reads a .charm of size bytes. All that is read of it is bounded, whatever its headers claim. Errors wrap ErrArchive
// where it is the archive's fault.
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
	if a.Bases, err = parseManifest(files[manifestFile]); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrArchive, err)
	}
	// Nobody here needs what is in these, but what Juju would choke on stays outside.
	for _, name := range []string{configFile, actionsFile} {
		if _, err := ParseYAML([]byte(files[name]), MaxYAMLSize); err != nil {
			return nil, fmt.Errorf("%w: parse %s: %w", ErrArchive, name, err)
		}
	}
	return a, nil
}

// ParseMetadata reads a metadata.yaml.
func ParseMetadata(text string) (*Metadata, error) {
	var y yamlMetadata
	if err := decodeYAML([]byte(text), MaxYAMLSize, &y); err != nil {
		return nil, fmt.Errorf("parse %s: %w", metadataFile, err)
	}
	if err := ValidateName(y.Name); err != nil {
		return nil, fmt.Errorf("parse %s: %w", metadataFile, err)
	}
	m := &Metadata{Name: y.Name, Summary: y.Summary, Description: y.Description, Subordinate: y.Subordinate, Series: y.Series, Resources: y.Resources}
	for name := range y.Resources {
		if err := ValidateResourceName(name); err != nil {
			return nil, fmt.Errorf("parse %s: %w", metadataFile, err)
		}
	}
	return m, nil
}

// parseManifest lists the bases of a manifest.yaml, each once. One without architectures has all of them.
func parseManifest(text string) ([]Base, error) {
	var y yamlManifest
	if err := decodeYAML([]byte(text), MaxYAMLSize, &y); err != nil {
		return nil, fmt.Errorf("parse %s: %w", manifestFile, err)
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
					return nil, fmt.Errorf("parse %s: %w", manifestFile, err)
				}
			} else if err := base.validateSystem(); err != nil {
				return nil, fmt.Errorf("parse %s: %w", manifestFile, err)
			}
			if !slices.Contains(out, base) {
				out = append(out, base)
			}
			if len(out) > maxBases {
				return nil, fmt.Errorf("parse %s: more than %d bases", manifestFile, maxBases)
			}
		}
	}
	return out, nil
}

// ConcreteBases are the bases that the charm runs on: those of its manifest, or where it has none, of its series. One for all
// architectures becomes one for each of archs. They are in the order of SortBases.
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

// seriesBases are the bases that the series of metadata.yaml name, for each of archs; old charms say no more. Series that nobody
// knows any more are left out. The series kubernetes counts as Ubuntu 20.04, as Juju counts it.
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

// BundleArchive is what the archive of a bundle holds.
type BundleArchive struct {
	// BundleYAML and ReadmeMD are byte for byte those at the root of the archive.
	BundleYAML, ReadmeMD string
	File                 *BundleFile
}

// OpenBundleArchive reads the archive of a bundle, of size bytes. Juju wants both of its files. All that is read is bounded.
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
