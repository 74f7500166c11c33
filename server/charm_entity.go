package server

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"

	"offlinestore/catalog"
	"offlinestore/charm"
)

// The paths under which the files of charms are served. Some clients replace the revision in such a URL, and rely on the shape of
// its last part.
const (
	charmDownloadPath    = "/api/v1/charms/download/"
	resourceDownloadPath = "/api/v1/resources/download/"
)

// noYAML is the store's answer for a file that a charm does not have.
const noYAML = "{}\n"

func charmFileName(id, kind string, revision int) string {
	return fmt.Sprintf("%s_%d.%s", id, revision, kind)
}

func resourceFileName(id, name string, revision int) string {
	return fmt.Sprintf("charm_%s.%s_%d", id, name, revision)
}

// charmRevision is a revision with its prepared entity. The entity is made at the first request for it, since most revisions of a
// store are old, and their files are long.
type charmRevision struct {
	*catalog.CharmRevision
	entity func() object
	meta   func() charmMetadata
}

func (r *charmRevision) number() int { return r.Revision.Number }

func newCharmRevision(st *catalog.Charm, r *catalog.CharmRevision) *charmRevision {
	return &charmRevision{
		CharmRevision: r,
		entity: sync.OnceValue(func() object {
			o, _ := entityFields.prepare(entitySource{r, st}) // nothing in it fails to encode
			return o
		}),
		meta: sync.OnceValue(func() charmMetadata { return readMetadata(r.MetadataYAML) }),
	}
}

// archiveDownload returns the download of r's archive from this server.
func archiveDownload(st *catalog.Charm, r *catalog.CharmRevision, origin string) charm.Download {
	d := r.Download
	d.SHA256 = r.Blob.Encoded()
	d.URL = origin + charmDownloadPath + url.PathEscape(charmFileName(st.ID, st.Type, r.Revision.Number))
	return d
}

// appendEntity appends the charm of a result.
func (v charmView) appendEntity(dst []byte, r *charmRevision, resources []*charmResource) []byte {
	o := r.entity()
	dst = append(dst, '{')
	for i := range entityFields {
		switch f := &entityFields[i]; {
		case f.name == resourcesField:
			dst = append(v.appendResources(append(dst, `"resources":[`...), resources), `],`...)
		case f.urls:
			dst = appendURLs(dst, o.member(i), v.origin)
		default:
			dst = append(dst, o.member(i)...)
		}
	}
	return append(bytes.TrimSuffix(dst, []byte{','}), '}')
}

func (v charmView) appendResources(dst []byte, resources []*charmResource) []byte {
	for i, res := range resources {
		if i > 0 {
			dst = append(dst, ',')
		}
		if res.Image != nil {
			dst = appendJSON(dst, v.resource(res))
		} else {
			dst = appendURLs(dst, res.text, v.origin)
		}
	}
	return dst
}

// charmResource is a revision of a resource with its prepared text. The text of an image is made for each answer, as it depends on the
// registry.
type charmResource struct {
	*catalog.CharmResource
	path  string
	text  []byte
	empty bool
	// here means that this store has the image, ambiguous that its tag stands for other images, too.
	here, ambiguous bool
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
	res.text = markURLs(text)
	return res, nil
}

const hexSHA384 = 96

// charmView holds the inputs, besides the catalogue, that answers to one request depend on.
type charmView struct {
	server   *Server
	origin   string // the beginning of our URLs
	registry Registry
	// brief leaves out the members that are too long for a list of charms: the files of a revision and the channels.
	brief bool
}

func (s *Server) view(origin string) charmView {
	return charmView{server: s, origin: origin, registry: s.registry(origin)}
}

// resource returns res with the download that this server offers.
func (v charmView) resource(res *charmResource) charm.Resource {
	out := res.Resource
	switch {
	case res.Image != nil:
		out.Download = describe(v.server.imageBlob(v.registry, res))
	case res.empty:
		out.Download = describe(nil)
	default:
		out.Download.SHA256 = res.Blob.Encoded()
	}
	out.Download.URL = v.origin + res.path
	return out
}

func (v charmView) resourceList(list []*charmResource) []charm.Resource {
	out := make([]charm.Resource, len(list))
	for i, res := range list {
		out[i] = v.resource(res)
	}
	return out
}

// charmDetails returns the description of a charm. Its only picture is the icon.
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
