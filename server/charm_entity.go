package server

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"

	"offlinestore/catalog"
	"offlinestore/charm"
)

// The paths under which the files of charms are served; those who substitute a revision in one rely on the shape of its last part.
const (
	charmDownloadPath    = "/api/v1/charms/download/"
	resourceDownloadPath = "/api/v1/resources/download/"
)

// noYAML is what the store says for a file that a charm does not have.
const noYAML = "{}\n"

func charmFileName(id, kind string, revision int) string {
	return fmt.Sprintf("%s_%d.%s", id, revision, kind)
}

func resourceFileName(id, name string, revision int) string {
	return fmt.Sprintf("charm_%s.%s_%d", id, name, revision)
}

// charmRevision is a revision with the text of its entity: up to its URL, from there to its resources, and what follows them. The text is
// made once it is asked for, since most revisions of a store are old, and their files long.
type charmRevision struct {
	*catalog.CharmRevision
	text func() [3][]byte
	meta func() charmMetadata
}

func (r *charmRevision) number() int { return r.Revision.Number }

func newCharmRevision(st *catalog.Charm, r *catalog.CharmRevision) *charmRevision {
	return &charmRevision{
		CharmRevision: r,
		text:          sync.OnceValue(func() [3][]byte { return entityText(st, r) }),
		meta:          sync.OnceValue(func() charmMetadata { return readMetadata(r.MetadataYAML) }),
	}
}

func entityText(st *catalog.Charm, r *catalog.CharmRevision) [3][]byte {
	d := &st.Details
	text, _ := marshal(charm.Entity{ // it has nothing in it that can't be encoded
		ActionsYAML: cmp.Or(r.ActionsYAML, noYAML), Bases: orEmpty(r.Bases), BundleYAML: r.BundleYAML, ConfigYAML: cmp.Or(r.ConfigYAML, noYAML),
		CreatedAt: zoned(r.CreatedAt), Download: archiveDownload(st, r, markedURL("")), ID: st.ID, License: d.License, MetadataYAML: metadataYAML(st, r),
		Name: st.Name, Publisher: d.Publisher, Resources: []charm.Resource{}, Revision: r.Revision.Number, Summary: d.Summary, Type: st.Type,
		Version: r.Version,
	})
	before, rest := cutAtURL(text)
	middle, after := cutAfter(rest, `"resources":[`)
	return [3][]byte{before, middle, after}
}

// metadataYAML is what Juju refuses a charm without. Bundles have none, for which the store says so in YAML.
func metadataYAML(st *catalog.Charm, r *catalog.CharmRevision) string {
	if st.Type == charm.TypeBundle {
		return cmp.Or(r.MetadataYAML, noYAML)
	}
	return r.MetadataYAML
}

// cutAfter cuts text after a key. A key can't be taken for part of a string: there, its quotes have backslashes before them.
func cutAfter(text []byte, key string) (before, after []byte) {
	i := bytes.Index(text, []byte(key))
	if i < 0 {
		return text, nil
	}
	return text[:i+len(key)], text[i+len(key):]
}

// cutAtURL cuts text where the origin of the one URL in it belongs.
func cutAtURL(text []byte) (before, after []byte) {
	before, after = cutAfter(text, `"url":"`)
	return before, bytes.TrimPrefix(after, []byte(`\u0000`))
}

// archiveDownload is the archive of r as we serve it.
func archiveDownload(st *catalog.Charm, r *catalog.CharmRevision, origin string) charm.Download {
	d := r.Download
	d.SHA256 = r.Blob.Encoded()
	d.URL = origin + charmDownloadPath + url.PathEscape(charmFileName(st.ID, st.Type, r.Revision.Number))
	return d
}

// appendEntity appends the charm of a result.
func (v charmView) appendEntity(dst []byte, r *charmRevision, resources []*charmResource) []byte {
	text := r.text()
	dst = append(append(append(dst, text[0]...), v.origin...), text[1]...)
	for i, res := range resources {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = v.appendResource(dst, res)
	}
	return append(dst, text[2]...)
}

// charmResource is a revision of a resource with its text up to its URL and from there. That of an image is made for each answer, as
// it depends on the registry.
type charmResource struct {
	*catalog.CharmResource
	path  string
	text  [2][]byte
	empty bool
}

func newCharmResource(id string, r *catalog.CharmResource) (*charmResource, error) {
	res := &charmResource{CharmResource: r, path: resourceDownloadPath + url.PathEscape(resourceFileName(id, r.Name, r.Revision))}
	if r.Image != nil {
		return res, nil
	}
	out := r.Resource
	switch {
	case r.Blob != "" && r.Blob.Validate() != nil:
		return nil, errors.New("its file has no valid digest")
	case r.Blob == "" && r.Download.Size != 0:
		return nil, errors.New("it has no file")
	case r.Blob == "":
		res.empty = true
		out.Download = describe(nil)
	default:
		if out.Download.SHA256 = r.Blob.Encoded(); len(out.Download.SHA384) != hexSHA384 || strings.Trim(out.Download.SHA384, "0123456789abcdef") != "" {
			return nil, errors.New("its SHA-384 is not known, without which Juju takes nothing of the charm")
		}
	}
	out.Download.URL = markedURL(res.path)
	text, err := marshal(out)
	if err != nil {
		return nil, err
	}
	res.text[0], res.text[1] = cutAtURL(text)
	return res, nil
}

const hexSHA384 = 96

// charmView is what answers to one request depend on besides the catalogue.
type charmView struct {
	server   *Server
	origin   string // the beginning of our URLs
	registry Registry
	// brief leaves out what is too long for a list of charms: the files of a revision and the channels.
	brief bool
}

func (s *Server) view(origin string) charmView {
	return charmView{server: s, origin: origin, registry: s.registry(origin)}
}

// resource is res as it is advertised.
func (v charmView) resource(res *charmResource) charm.Resource {
	out := res.Resource
	switch {
	case res.Image != nil:
		out.Download = describe(v.registry.imageBlob(res.Image))
	case res.empty:
		out.Download = describe(nil)
	default:
		out.Download.SHA256 = res.Blob.Encoded()
	}
	out.Download.URL = v.origin + res.path
	return out
}

func (v charmView) appendResource(dst []byte, res *charmResource) []byte {
	if res.Image != nil {
		return appendJSON(dst, v.resource(res))
	}
	return append(append(append(dst, res.text[0]...), v.origin...), res.text[1]...)
}

func (v charmView) resourceList(list []*charmResource) []charm.Resource {
	out := make([]charm.Resource, len(list))
	for i, res := range list {
		out[i] = v.resource(res)
	}
	return out
}

// charmDetails is what is said of a charm by name. Of its pictures we have the icon alone.
func (v charmView) charmDetails(st *catalog.Charm) charm.Details {
	d := st.Details
	d.Categories, d.DeployableOn = orEmpty(d.Categories), orEmpty(d.DeployableOn)
	if d.Links == nil {
		d.Links = map[string][]string{}
	}
	_, name, ok := iconFile(st.Icon)
	if !ok {
		d.Media = []charm.Media{}
		return d
	}
	icon := charm.Media{Type: "icon"}
	if i := slices.IndexFunc(d.Media, func(m charm.Media) bool { return m.Type == "icon" }); i >= 0 {
		icon = d.Media[i]
	}
	icon.URL = v.origin + iconPath + name
	d.Media = []charm.Media{icon}
	return d
}
