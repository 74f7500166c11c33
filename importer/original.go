package importer

import (
	"archive/tar"
	"bufio"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"offlinestore/blob"
	"offlinestore/catalog"
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

// Limits of a file of the original store-admin, which says nothing of itself beforehand.
const (
	maxCharms       = 1000     // nested archives, and so charms
	maxEntries      = 4000     // entries of one archive
	maxArchives     = 64       // revisions of one charm
	maxResources    = 512      // resources of one charm
	maxOriginalFile = 64 << 30 // bytes of one charm or resource
	maxOriginal     = 1 << 40  // bytes of the file, unpacked
	maxKept         = 96 << 20 // bytes of all texts that are kept in memory
	maxMetadata     = 8 << 20  // bytes of one metadata.json
	maxAccount      = 1 << 20  // bytes of one stream of assertions
	maxWarnings     = 200
	// What is unpacked may be freeSize bytes, and beyond that maxRatio times what was read for it: charms and images' layers hardly
	// compress.
	freeSize = 1 << 30
	maxRatio = 100
)

var (
	archiveName  = regexp.MustCompile(`^(.+)_([0-9]{1,9})\.(charm|zip|bundle)$`)
	resourceName = regexp.MustCompile(`^(.+)_([0-9]{1,9})$`)
)

// original is a file of the original store-admin while it is read.
type original struct {
	s        *Staging
	in       *catalog.Import
	now      time.Time
	newest   time.Time // of the entries
	apps     *charm.BundleFile
	yaml     []byte // bundle.yaml
	groups   []*group
	names    map[string]bool // of groups
	nested   int
	kept     int64
	warnings []string
}

// group is what belongs to one charm: a nested archive, or what lies in the outer one.
type group struct {
	name      string // of the charm, from the names of its files
	archives  []archive
	resources []resource
	metadata  []byte
	account   []byte
}

// file is one that was staged, and what it was hashed to.
type file struct {
	digest digest.Digest
	sha384 string
	size   int64
}

type archive struct {
	file
	revision int
	charm    *charm.Archive // nil for a bundle
	bundle   *charm.BundleArchive
}

// resource is a file, or small: what may hold credentials must not be staged before it is known not to be an image's.
type resource struct {
	file
	fileName string
	small    []byte
}

// read takes the outer archive apart.
func (o *original) read(r io.Reader) error {
	raw := &counted{r: r}
	out, err := unpack(bufio.NewReaderSize(raw, 256<<10), raw)
	if err != nil {
		return err
	}
	var top group
	err = eachEntry(out, func(h *tar.Header, r io.Reader) (err error) {
		if h.ModTime.After(o.newest) {
			o.newest = h.ModTime.UTC().Truncate(time.Second)
		}
		base := path.Base(h.Name)
		switch {
		case base == bundleYAML && o.yaml == nil:
			o.yaml, err = o.text(h, r, charm.MaxYAMLSize)
			return err
		case strings.HasSuffix(base, nestedSuffix):
			return o.readNested(h.Name, r, raw)
		}
		return o.readFile(&top, h, r)
	})
	if err != nil {
		return err
	}
	return o.addGroup(&top)
}

// readNested takes the archive of one charm apart. An archive in that is a file like any other.
func (o *original) readNested(name string, r io.Reader, raw *counted) error {
	if o.nested++; o.nested > maxCharms {
		return badOriginal("more than %d charms", maxCharms)
	}
	out, err := unpack(bufio.NewReaderSize(r, 64<<10), raw)
	var g group
	if err == nil {
		err = eachEntry(out, func(h *tar.Header, r io.Reader) error { return o.readFile(&g, h, r) })
	}
	if err != nil {
		return fmt.Errorf("%.100q: %w", name, err)
	}
	return o.addGroup(&g)
}

// readFile takes what belongs to a charm. What is not known is passed over.
func (o *original) readFile(g *group, h *tar.Header, r io.Reader) (err error) {
	base := path.Base(h.Name)
	switch m := archiveName.FindStringSubmatch(base); {
	case path.Base(path.Dir(h.Name)) == resourceDir:
		return o.readResource(g, h, r)
	case m != nil:
		return o.readArchive(g, m[1], m[2], h, r)
	case base == metadataJSON && g.metadata == nil:
		g.metadata, err = o.text(h, r, maxMetadata)
	case strings.HasSuffix(base, accountSuffix) && g.account == nil:
		g.account, err = o.text(h, r, maxAccount)
	default:
		o.warn("%.100q is passed over: it is not known what it is for", h.Name)
	}
	return err
}

func (o *original) readArchive(g *group, name, revision string, h *tar.Header, r io.Reader) error {
	if g.name != "" && g.name != name || len(g.archives) >= maxArchives {
		return badOriginal("%.100q is one charm too many beside %s", h.Name, g.name)
	}
	g.name = name
	a := archive{}
	a.revision, _ = strconv.Atoi(revision) // as many digits as an int has
	f, err := o.stage(h, r, func(st *blob.Staged) error {
		var err error
		if a.charm, err = charm.OpenArchive(st, h.Size); err == nil {
			return o.keep(int64(len(a.charm.MetadataYAML) + len(a.charm.ConfigYAML) + len(a.charm.ActionsYAML)))
		}
		var berr error
		if a.bundle, berr = charm.OpenBundleArchive(st, h.Size); berr != nil {
			return badOriginal("%.100q: as a charm: %w; as a bundle: %w", h.Name, err, berr)
		}
		a.charm = nil
		return o.keep(int64(len(a.bundle.BundleYAML) + len(a.bundle.ReadmeMD)))
	})
	if err != nil {
		return err
	}
	a.file = f
	g.archives = append(g.archives, a)
	return nil
}

func (o *original) readResource(g *group, h *tar.Header, r io.Reader) error {
	if len(g.resources) >= maxResources {
		return badOriginal("more than %d resources of a charm", maxResources)
	}
	res := resource{fileName: path.Base(h.Name)}
	var err error
	if h.Size <= charm.MaxImageBlob {
		res.small, err = o.text(h, r, charm.MaxImageBlob)
	} else {
		res.file, err = o.stage(h, r, nil)
	}
	g.resources = append(g.resources, res)
	return err
}

// stage brings a file into the blob folder, after look had a look at it.
func (o *original) stage(h *tar.Header, r io.Reader, look func(*blob.Staged) error) (file, error) {
	if h.Size > maxOriginalFile {
		return file{}, badOriginal("%.100q: %d bytes are over the limit of %d", h.Name, h.Size, int64(maxOriginalFile))
	}
	st, err := o.s.im.Blobs.Stage(h.Size)
	if err != nil {
		return file{}, err
	}
	sums := newSums()
	err = o.s.ahead.copy(st, io.TeeReader(r, sums))
	if err == nil && look != nil {
		err = look(st)
	}
	if err != nil {
		return file{}, errors.Join(err, st.Discard())
	}
	f := fileOf(sums)
	return f, o.add(st, f)
}

// stageSmall is stage for what was kept in memory.
func (o *original) stageSmall(b []byte) (file, error) {
	sums := newSums()
	sums.Write(b)
	f := fileOf(sums)
	st, err := o.s.im.Blobs.Stage(f.size)
	if err != nil {
		return file{}, err
	}
	if _, err := st.Write(b); err != nil {
		return file{}, errors.Join(err, st.Discard())
	}
	return f, o.add(st, f)
}

func (o *original) add(st *blob.Staged, f file) error {
	o.in.Blobs = append(o.in.Blobs, catalog.Blob{Digest: f.digest, Size: f.size})
	return o.s.add(st, f.digest, f.size)
}

// text reads a small file.
func (o *original) text(h *tar.Header, r io.Reader, max int64) ([]byte, error) {
	if h.Size > max {
		return nil, badOriginal("%.100q: %d bytes are over the limit of %d", h.Name, h.Size, max)
	}
	if err := o.keep(h.Size); err != nil {
		return nil, err
	}
	b := make([]byte, h.Size)
	_, err := io.ReadFull(r, b)
	return b, err
}

func (o *original) keep(n int64) error {
	if o.kept += n; o.kept > maxKept {
		return badOriginal("its small files have more than %d bytes together", maxKept)
	}
	return nil
}

func (o *original) addGroup(g *group) error {
	if g.name == "" {
		if len(g.resources)+len(g.metadata)+len(g.account) > 0 {
			o.warn("there are files that belong to no charm")
		}
		return nil
	}
	if o.names[g.name] {
		return badOriginal("charm %.100s twice", g.name)
	}
	o.names[g.name] = true
	o.groups = append(o.groups, g)
	return nil
}
