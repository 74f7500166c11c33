package upstreamtest

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"offlinestore/channel"
)

// object is a JSON object.
type object = map[string]any

// knownFields lists the fields that can be requested. The real store refuses a request that names another.
var knownFields = []string{
	"architectures", "base", "categories", "channel-map", "common-ids", "confinement", "contact", "created-at", "description", "download",
	"epoch", "gated-snap-ids", "integrity", "license", "links", "media", "name", "prices", "private", "publisher", "resources", "revision",
	"snap-id", "snap-yaml", "store-url", "summary", "title", "trending", "type", "unlisted", "version", "website",
}

// pick returns the requested fields of o.
func pick(o object, fields []string) object {
	out := object{}
	for _, f := range fields {
		if v, ok := o[f]; ok {
			out[f] = v
		}
	}
	return out
}

// details returns the details of a snap by name.
func (e *entry) details(base string) object {
	categories := []object{}
	for i, c := range e.Categories {
		categories = append(categories, object{"featured": i == 0 && c == "featured", "name": c})
	}
	media := []object{}
	if e.Icon != nil {
		media = append(media, object{"height": 256, "type": "icon", "url": base + "/site_media/appmedia/2024/03/" + e.Name + ".png", "width": 256})
	}
	media = append(media, object{"height": nil, "type": "video", "url": "https://video.example/" + e.Name, "width": nil})
	return object{
		"categories": categories, "contact": "mailto:snaps@example.com", "description": cmpOr(e.Description, e.Summary+"."),
		"license": orNull(e.License), "links": object{"contact": []string{"mailto:snaps@example.com"}}, "media": media, "name": e.Name,
		"prices": object{}, "private": e.Owner != "",
		"publisher": object{
			"display-name": e.Publisher.DisplayName, "id": e.Publisher.ID, "username": e.Publisher.Username, "validation": e.Publisher.Validation,
		},
		"snap-id": e.SnapID, "summary": e.Summary, "title": cmpOr(e.Title, e.Name), "website": orNull(e.Website),
	}
}

// describe returns the fields of a revision.
func (e *entry) describe(r *revision, base string, pins map[string]int) object {
	resources := []object{}
	for i, c := range r.components() {
		if !r.gives(i, pins) {
			continue
		}
		resources = append(resources, object{
			"architectures": r.Architectures, "created-at": r.created, "description": "", "name": c.Name, "revision": c.Revision,
			"type": "component/" + cmpOr(c.Kind, "standard"), "version": cmpOr(c.Version, r.Version),
			"download": download(r.resources[i], fmt.Sprintf("%s/api/v1/snaps/download/%s+%s_%d.comp", base, e.SnapID, c.Name, c.Revision)),
		})
	}
	return object{
		"integrity":     e.integrity(r, base),
		"architectures": r.Architectures, "base": orNull(e.Base), "common-ids": []string{}, "confinement": r.Confinement,
		"created-at": r.created, "download": download(r.announced, fmt.Sprintf("%s/api/v1/snaps/download/%s_%d.snap", base, e.SnapID, r.Revision)),
		"epoch":     object{"read": epoch(r.Epoch.Read), "write": epoch(r.Epoch.Write)},
		"resources": resources, "revision": r.Revision, "snap-yaml": r.YAML, "type": e.Type, "version": r.Version,
	}
}

func download(d digest, url string) object {
	return object{"deltas": []string{}, "sha3-384": d.sha3384, "size": d.size, "url": url}
}

func epoch(e []uint32) []uint32 {
	if len(e) == 0 {
		return []uint32{0}
	}
	return e
}

func cmpOr(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// info returns the answer to /v2/snaps/info. It lists no branches.
func (e *entry) info(fields []string, base string) object {
	slots := slices.SortedFunc(maps.Keys(e.released), func(a, b slot) int { return strings.Compare(e.order(a), e.order(b)) })
	rows := []object{}
	for _, at := range slots {
		if at.channel.Branch != "" {
			continue
		}
		rel := e.newest(e.released[at])
		row := pick(e.describe(e.revisions[rel.revision], base, nil), fields)
		row["channel"] = object{
			"architecture": at.arch, "name": at.channel.Name(), "released-at": rel.at, "risk": at.channel.Risk, "track": at.channel.Track,
		}
		rows = append(rows, row)
	}
	details := e.details(base)
	details["store-url"] = "https://snapcraft.io/" + e.Name
	details = pick(details, fields)
	details["name"], details["snap-id"] = e.Name, e.SnapID
	return object{"channel-map": rows, "default-track": orNull(e.DefaultTrack), "name": e.Name, "snap": details, "snap-id": e.SnapID}
}

// order returns a sort key: the default track comes first, then latest, and the stablest risk.
func (e *entry) order(at slot) string {
	track := 2
	switch at.channel.Track {
	case e.DefaultTrack:
		track = 0
	case channel.DefaultTrack:
		track = 1
	}
	return fmt.Sprintf("%d/%s/%d/%s", track, at.channel.Track, at.channel.RiskLevel(), at.arch)
}

// refreshed returns the "snap" of a refresh result.
func (e *entry) refreshed(r *revision, fields []string, base string, pins map[string]int) object {
	o := e.details(base)
	maps.Copy(o, e.describe(r, base, pins))
	o = pick(o, fields)
	o["name"], o["snap-id"] = e.Name, e.SnapID
	return o
}
