package upstreamtest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// knownInfo lists the fields that can be requested of info and find, by their first two names.
var knownInfo = []string{
	"channel-map", "channel-map.channel", "channel-map.revision", "default-release", "default-release.channel", "default-release.resources",
	"default-release.revision", "result.bugs-url", "result.categories", "result.contains-charms", "result.deployable-on", "result.description",
	"result.license", "result.links", "result.media", "result.publisher", "result.store-url", "result.summary", "result.title", "result.unlisted",
	"result.used-by", "result.website",
}

// knownRefresh lists the fields that can be requested of refresh.
var knownRefresh = []string{
	"actions-yaml", "bases", "bundle-yaml", "config-yaml", "created-at", "download", "id", "license", "metadata-yaml", "name", "publisher",
	"resources", "revision", "summary", "type", "version",
}

// unknownField returns the first of fields that the store doesn't know.
func unknownField(fields []string) string {
	for _, f := range fields {
		part := strings.Split(f, ".")
		if !slices.Contains(knownInfo, strings.Join(part[:min(2, len(part))], ".")) {
			return f
		}
	}
	return ""
}

// project returns the parts of v, and of each element of a list, that fields name: "a.b" selects everything beneath b in a.
func project(v any, fields []string) any {
	switch v := v.(type) {
	case object:
		out := object{}
		for k, x := range v {
			var below []string
			whole := false
			for _, f := range fields {
				first, rest, more := strings.Cut(f, ".")
				if first == k && more {
					below = append(below, rest)
				}
				whole = whole || first == k && !more
			}
			switch {
			case whole:
				out[k] = x
			case below != nil:
				out[k] = project(x, below)
			}
		}
		return out
	case []any:
		out := []any{}
		for _, x := range v {
			out = append(out, project(x, fields))
		}
		return out
	case []object:
		out := []any{}
		for _, x := range v {
			out = append(out, project(x, fields))
		}
		return out
	}
	return v
}

func (b Base) object() object {
	return object{"architecture": b.Architecture, "channel": b.Channel, "name": b.Name}
}

// baseObject returns a base as JSON, and null for a bundle's.
func baseObject(b Base) any {
	if b == (Base{}) {
		return nil
	}
	return b.object()
}

// compareBases sorts Ubuntu last and old releases first.
func compareBases(a, b Base) int {
	version := func(s string) float64 { f, _ := strconv.ParseFloat(s, 64); return f }
	return cmp.Or(strings.Compare(a.Name, b.Name), cmp.Compare(version(a.Channel), version(b.Channel)), strings.Compare(b.Architecture, a.Architecture))
}

func (e *charmEntry) publisher() object {
	p := e.Publisher
	return object{"display-name": p.DisplayName, "id": p.ID, "username": p.Username, "validation": p.Validation}
}

// result returns the details of a charm by name.
func (e *charmEntry) result(base string) object {
	categories := []object{}
	for _, c := range e.Categories {
		categories = append(categories, object{"featured": c == "featured", "name": c})
	}
	media := []object{}
	if e.Icon != nil {
		media = append(media, object{"height": nil, "type": "icon", "url": base + "/api/v1/media/download/charm_" + e.ID + "_icon_0f3b9a8c.png", "width": nil})
	}
	o := object{
		"bugs-url": "https://bugs.example/" + e.Name, "categories": categories, "deployable-on": []string{},
		"description": cmpOr(e.Description, e.Summary+"."), "license": orNull(e.License), "links": object{"website": []string{"https://example.com/" + e.Name}},
		"media": media, "publisher": e.publisher(), "store-url": "https://charmhub.io/" + e.Name, "summary": e.Summary, "title": cmpOr(e.Title, e.Name),
		"unlisted": e.Unlisted, "website": orNull(e.Website), "used-by": []string{},
	}
	if e.Type == "bundle" {
		contains := []object{}
		for _, c := range e.Contains {
			contains = append(contains, object{"name": c, "package-id": ID("charm " + c), "store-url": "https://charmhub.io/" + c})
		}
		o["contains-charms"] = contains
	}
	return o
}

func (e *charmEntry) charmBases(r *charmRevision) []any {
	if e.Type == "bundle" {
		return []any{nil}
	}
	bases := []any{}
	for _, b := range r.Bases {
		bases = append(bases, b.object())
	}
	return bases
}

func (e *charmEntry) download(r *charmRevision, base string) object {
	ext := "charm"
	if e.Type == "bundle" {
		ext = "bundle"
	}
	return r.announced.charmDownload(fmt.Sprintf("%s/api/v1/charms/download/%s_%d.%s", base, e.ID, r.Revision, ext))
}

// row returns a revision as in the channel map, without its long fields.
func (e *charmEntry) row(r *charmRevision, base string) object {
	return object{
		"attributes": object{}, "bases": e.charmBases(r), "created-at": r.created, "download": e.download(r, base), "revision": r.Revision, "version": r.Version,
	}
}

// full returns a revision as in the default release.
func (e *charmEntry) full(r *charmRevision, base string) object {
	o := e.row(r, base)
	yaml := func(s string) string { return cmpOr(s, "{}\n") }
	maps.Copy(o, object{
		"actions-yaml": yaml(r.Actions), "bundle-yaml": yaml(r.Bundle), "config-yaml": yaml(r.Config), "metadata-yaml": yaml(r.Metadata),
		"readme-md": r.Readme, "relations": object{}, "subordinate": strings.Contains(r.Metadata, "subordinate: true"),
	})
	return o
}

func (e *charmEntry) channelObject(at charmSlot, rel charmRelease) object {
	return object{"base": baseObject(at.base), "name": at.channel.Name(), "released-at": rel.at, "risk": at.channel.Risk, "track": at.channel.Track}
}

func (e *charmEntry) resource(r *charmResource, base string) object {
	kind := "file"
	if r.OCI {
		kind = "oci-image"
	}
	url := fmt.Sprintf("%s/api/v1/resources/download/charm_%s.%s_%d", base, e.ID, r.Name, r.Revision)
	return object{
		// The time has no zone, as in the real store.
		"created-at": r.created[:len("2024-03-01T09:00:00.117114")], "description": r.Description, "download": r.announced.resourceDownload(url),
		"filename": r.Filename, "name": r.Name, "revision": r.Revision, "type": kind,
	}
}

// resourcesOf returns the resources that a release names.
func (e *charmEntry) resourcesOf(revisions map[string]int, base string) []object {
	out := []object{}
	for _, name := range slices.Sorted(maps.Keys(revisions)) {
		out = append(out, e.resource(e.resources[name][revisions[name]], base))
	}
	return out
}

// slots returns the releases in the store's order: the stablest of the default track first, and the newest base before others.
func (e *charmEntry) slots() []charmSlot {
	return slices.SortedFunc(maps.Keys(e.released), func(a, b charmSlot) int {
		other := func(s charmSlot) int {
			if s.channel.Track == e.DefaultTrack {
				return 0
			}
			return 1
		}
		return cmp.Or(cmp.Compare(other(a), other(b)), strings.Compare(a.channel.Track, b.channel.Track),
			cmp.Compare(a.channel.RiskLevel(), b.channel.RiskLevel()), -compareBases(a.base, b.base), strings.Compare(a.channel.Branch, b.channel.Branch))
	})
}
