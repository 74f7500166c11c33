package server

import (
	"cmp"
	"encoding/json"

	"offlinestore/catalog"
	"offlinestore/charm"
)

// resourcesField is the member of an entity that is made anew for each answer, since a client may name the revisions of resources.
const resourcesField = "resources"

// entityFields are the members of a charm in the answer to a refresh. A new member needs a row here only.
var entityFields = fieldTable[entitySource]{
	{name: "actions-yaml", value: func(e entitySource) any { return cmp.Or(e.ActionsYAML, noYAML) }},
	{name: "bases", value: func(e entitySource) any { return orEmpty(e.Bases) }},
	{name: "bundle-yaml", value: func(e entitySource) any { return orNil(e.BundleYAML) }},
	{name: "config-yaml", value: func(e entitySource) any { return cmp.Or(e.ConfigYAML, noYAML) }},
	{name: "created-at", value: func(e entitySource) any { return orNil(zoned(e.CreatedAt)) }},
	{name: "download", value: func(e entitySource) any { return archiveDownload(e.charm, e.CharmRevision, markedURL("")) }, urls: true},
	{name: "id", value: func(e entitySource) any { return e.charm.ID }},
	{name: "license", value: func(e entitySource) any { return e.charm.Details.License }},
	{name: "metadata-yaml", value: func(e entitySource) any { return metadataYAML(e.charm, e.CharmRevision) }},
	{name: "name", value: func(e entitySource) any { return e.charm.Name }},
	{name: "publisher", value: func(e entitySource) any { return e.charm.Details.Publisher }},
	{name: resourcesField, value: func(entitySource) any { return nil }},
	{name: "revision", value: func(e entitySource) any { return e.Number }},
	{name: "summary", value: func(e entitySource) any { return e.charm.Details.Summary }},
	{name: "type", value: func(e entitySource) any { return e.charm.Type }},
	{name: "version", value: func(e entitySource) any { return e.Version }},
}

// entitySource is a revision with its charm.
type entitySource struct {
	*catalog.CharmRevision
	charm *catalog.Charm
}

// charmInfoFields are the members of the answer to info, and of each result of find.
var charmInfoFields = fieldTable[charmInfo]{
	{name: "channel-map", value: func(i charmInfo) any { return i.channelMap() }},
	{name: "default-release", value: func(i charmInfo) any { return i.defaultRelease() }},
	{name: "id", value: func(i charmInfo) any { return i.charm.ID }},
	{name: "name", value: func(i charmInfo) any { return i.charm.Name }},
	{name: "result", value: func(i charmInfo) any { return i.view.charmDetails(i.charm.Charm) }},
	{name: "type", value: func(i charmInfo) any { return i.charm.Type }},
}

// charmInfo is a charm with its default release, which is nil if there is none.
type charmInfo struct {
	view  charmView
	charm *indexedCharm
	row   *charmRow
}

var (
	defaultReleaseFields = fieldTable[charmRelease]{
		{name: "channel", value: func(r charmRelease) any { return r.row.described(r.charm) }},
		{name: "resources", value: func(r charmRelease) any { return r.view.resourceList(r.row.resources) }},
		{name: "revision", value: func(r charmRelease) any { return record[charmRelease]{charmRevisionFields, r} }},
	}
	channelMapFields = fieldTable[charmRelease]{
		{name: "channel", value: func(r charmRelease) any { return r.row.described(r.charm) }},
		{name: "revision", value: func(r charmRelease) any { return record[charmRelease]{charmRevisionFields, r} }},
	}
	charmRevisionFields = fieldTable[charmRelease]{
		{name: "actions-yaml", value: func(r charmRelease) any { return r.file(r.revision().ActionsYAML) }},
		{name: "bases", value: func(r charmRelease) any { return orEmpty(r.revision().Bases) }},
		{name: "bundle-yaml", value: func(r charmRelease) any { return r.file(r.revision().BundleYAML) }},
		{name: "config-yaml", value: func(r charmRelease) any { return r.file(r.revision().ConfigYAML) }},
		{name: "created-at", value: func(r charmRelease) any { return orNil(r.revision().CreatedAt) }},
		{name: "download", value: func(r charmRelease) any { return archiveDownload(r.charm.Charm, r.revision(), r.view.origin) }},
		{name: "metadata-yaml", value: func(r charmRelease) any { return r.file(r.revision().MetadataYAML) }},
		{name: "readme-md", value: func(r charmRelease) any { return r.readme() }},
		{name: "relations", value: func(r charmRelease) any { return r.relations() }},
		{name: "revision", value: func(r charmRelease) any { return r.revision().Number }},
		{name: "subordinate", value: func(r charmRelease) any { return r.revision().Subordinate }},
		{name: "version", value: func(r charmRelease) any { return r.revision().Version }},
	}
)

// charmRelease is a row of a channel map with its charm. If brief, its revision is shown without the charm's files, which are long.
type charmRelease struct {
	view  charmView
	charm *indexedCharm
	row   *charmRow
	brief bool
}

func (r charmRelease) revision() *catalog.CharmRevision { return r.row.revision.CharmRevision }

// file returns a YAML file of the charm, or an empty mapping if the charm does not have it.
func (r charmRelease) file(text string) any {
	if r.brief {
		return nil
	}
	return cmp.Or(text, noYAML)
}

func (r charmRelease) readme() any {
	if r.brief {
		return nil
	}
	return orNil(r.revision().ReadmeMD)
}

func (r charmRelease) relations() any {
	if rel := r.revision().Relations; !rel.IsZero() {
		return rel
	}
	return nil
}

func (i charmInfo) defaultRelease() any {
	if i.row == nil {
		return json.RawMessage("null")
	}
	return record[charmRelease]{defaultReleaseFields, charmRelease{i.view, i.charm, i.row, i.view.brief}}
}

// channelMap lists the open channels without branches, because its readers would take a branch for the risk below it. Revisions in
// it are brief.
func (i charmInfo) channelMap() any {
	if i.view.brief {
		return nil
	}
	list := records[charmRelease]{}
	for _, e := range i.charm.channels.Open() {
		if e.Channel.Branch == "" {
			list = append(list, record[charmRelease]{channelMapFields, charmRelease{i.view, i.charm, e.Value, true}})
		}
	}
	return list
}

// metadataYAML returns the metadata of a revision. Charm bundles have none, and the store sends an empty mapping for them. A charm
// without metadata is sent as it is, and Juju refuses it.
func metadataYAML(st *catalog.Charm, r *catalog.CharmRevision) string {
	if st.Type == charm.TypeBundle {
		return cmp.Or(r.MetadataYAML, noYAML)
	}
	return r.MetadataYAML
}
