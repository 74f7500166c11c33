package canonical

import (
	"archive/tar"
	"bufio"
	"fmt"
	"io"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"

	"offlinestore/blob"
	"offlinestore/charm"
)

// The names in a file of the original store-admin.
const (
	bundleYAML    = "bundle.yaml"
	metadataJSON  = "metadata.json"
	nestedSuffix  = ".tar.gz"
	accountSuffix = "_publisher_account.assert"
	resourceDir   = "resources"
)

// Limits of a file of the original store-admin. Such a file has no table of contents.
const (
	maxCharms    = 1000     // nested archives, and so charms
	maxEntries   = 4000     // entries of one archive
	maxArchives  = 64       // revisions of one charm
	maxResources = 512      // resources of one charm
	maxFile      = 64 << 30 // bytes of one charm or resource
	maxUnpacked  = 1 << 40  // bytes of the whole file, unpacked
	maxKept      = 96 << 20 // bytes of all texts that are kept in memory
	maxMetadata  = 8 << 20  // bytes of one metadata.json
	maxAccount   = 1 << 20  // bytes of one stream of assertions

	// The file may unpack to freeSize bytes, and beyond that to maxRatio times the bytes that were read: charms and layers of
	// images hardly compress.
	freeSize = 1 << 30
	maxRatio = 100
)

var (
	archiveName  = regexp.MustCompile(`^(.+)_([0-9]{1,9})\.(charm|zip|bundle)$`)
	resourceName = regexp.MustCompile(`^(.+)_([0-9]{1,9})$`)
)

// parser reads one file of the original store-admin. It reads all entries into groups, then turns the groups into an Export.
type parser struct {
	*Reader
	out    *Export
	newest time.Time // of the entries
	apps   *charm.BundleFile
	yaml   []byte // bundle.yaml
	groups []*group
	names  map[string]bool // of groups
	nested int
	kept   int64
}

// group holds the files of one charm: a nested archive, or the files beside it in the outer one.
type group struct {
	name      string // of the charm, from the names of its files
	archives  []archive
	resources []resource
	metadata  []byte
	account   []byte
}

// file is a stored file.
type file struct {
	digest blob.Digest
	sha384 string
	size   int64
}

type archive struct {
	file
	revision int
	charm    *charm.Archive // nil for a bundle
	bundle   *charm.BundleArchive
	// follows is set if the applications without a revision get this one.
	follows bool
}

// resource is a stored file, or a small text. A text may hold the location of an image with credentials, so it is stored only once its
// type is known.
type resource struct {
	file
	fileName string
	small    []byte
}

// read reads the outer archive.
func (p *parser) read(raw *source) error {
	out, err := unpack(bufio.NewReaderSize(raw, 256<<10), raw)
	if err != nil {
		return err
	}
	var top group
	err = eachEntry(out, func(h *tar.Header, r io.Reader) (err error) {
		if h.ModTime.After(p.newest) {
			p.newest = h.ModTime.UTC().Truncate(time.Second)
		}
		base := path.Base(h.Name)
		switch {
		case base == bundleYAML && p.yaml == nil:
			p.yaml, err = p.readText(h, r, charm.MaxYAMLSize)
			return err
		case strings.HasSuffix(base, nestedSuffix):
			return p.readNested(h.Name, r, raw)
		}
		return p.readFile(&top, h, r)
	})
	if err != nil {
		return err
	}
	return p.addGroup(&top)
}

// readNested reads the archive of one charm. An archive inside it is a file like any other.
func (p *parser) readNested(name string, r io.Reader, raw *source) error {
	if p.nested++; p.nested > maxCharms {
		return formatErrorf("more than %d charms", maxCharms)
	}
	out, err := unpack(bufio.NewReaderSize(r, 64<<10), raw)
	var g group
	if err == nil {
		err = eachEntry(out, func(h *tar.Header, r io.Reader) error { return p.readFile(&g, h, r) })
	}
	if err != nil {
		return fmt.Errorf("%.100q: %w", name, err)
	}
	return p.addGroup(&g)
}

// readFile reads a file of a charm into its group. It passes over unknown files, with a warning.
func (p *parser) readFile(g *group, h *tar.Header, r io.Reader) (err error) {
	base := path.Base(h.Name)
	switch m := archiveName.FindStringSubmatch(base); {
	case path.Base(path.Dir(h.Name)) == resourceDir:
		return p.readResource(g, h, r)
	case m != nil:
		return p.readArchive(g, m[1], m[2], h, r)
	case base == metadataJSON && g.metadata == nil:
		g.metadata, err = p.readText(h, r, maxMetadata)
	case strings.HasSuffix(base, accountSuffix) && g.account == nil:
		g.account, err = p.readText(h, r, maxAccount)
	default:
		p.warn("%.100q is passed over: it is not known what it is for", h.Name)
	}
	return err
}

func (p *parser) readArchive(g *group, name, revision string, h *tar.Header, r io.Reader) error {
	if g.name != "" && g.name != name || len(g.archives) >= maxArchives {
		return formatErrorf("%.100q is one charm too many beside %s", h.Name, g.name)
	}
	g.name = name
	a := archive{}
	a.revision, _ = strconv.Atoi(revision) // as many digits as an int has
	f, err := p.storeFile(h, r, func(content io.ReaderAt) error { return p.openArchive(&a, h, content) })
	if err != nil {
		return err
	}
	a.file = f
	g.archives = append(g.archives, a)
	return nil
}

// openArchive opens the archive of a charm or bundle and keeps its texts.
func (p *parser) openArchive(a *archive, h *tar.Header, content io.ReaderAt) error {
	c, err := charm.OpenArchive(content, h.Size)
	if err == nil {
		a.charm = c
		return p.reserve(int64(len(c.MetadataYAML) + len(c.ConfigYAML) + len(c.ActionsYAML)))
	}
	b, berr := charm.OpenBundleArchive(content, h.Size)
	if berr != nil {
		return formatErrorf("%.100q: as a charm: %w; as a bundle: %w", h.Name, err, berr)
	}
	a.bundle = b
	return p.reserve(int64(len(b.BundleYAML) + len(b.ReadmeMD)))
}

func (p *parser) readResource(g *group, h *tar.Header, r io.Reader) error {
	if len(g.resources) >= maxResources {
		return formatErrorf("more than %d resources of a charm", maxResources)
	}
	res := resource{fileName: path.Base(h.Name)}
	var err error
	if h.Size <= charm.MaxImageBlob {
		res.small, err = p.readText(h, r, charm.MaxImageBlob)
	} else {
		res.file, err = p.storeFile(h, r, nil)
	}
	g.resources = append(g.resources, res)
	return err
}

// addGroup adds a charm, whose name must be new.
func (p *parser) addGroup(g *group) error {
	if g.name == "" {
		if len(g.resources)+len(g.metadata)+len(g.account) > 0 {
			p.warn("there are files that belong to no charm")
		}
		return nil
	}
	if p.names[g.name] {
		return formatErrorf("charm %.100s twice", g.name)
	}
	p.names[g.name] = true
	p.groups = append(p.groups, g)
	return nil
}
