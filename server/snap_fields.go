package server

import (
	"fmt"
	"slices"

	"offlinestore/catalog"
	"offlinestore/snap"
)

// The paths under which blobs are served. The names of components are the ones that they have on a device.
const (
	downloadPath = "/api/v1/snaps/download/"
	iconPath     = "/icons/"
)

// maxIcon is the size of the largest icon that snapd accepts.
const maxIcon = 300_000

func snapFileName(id string, revision int) string { return fmt.Sprintf("%s_%d.snap", id, revision) }

func componentFileName(id, name string, revision int) string {
	return fmt.Sprintf("%s+%s_%d.comp", id, name, revision)
}

func integrityFileName(id string, revision int, i *snap.Integrity) string {
	return fmt.Sprintf("%s_%d.%s", id, revision, i.FileName())
}

// iconFile returns the file and the name under which an icon is served. It reports false for no icon and for one that no client
// could show.
func iconFile(icon *catalog.Icon) (f file, name string, ok bool) {
	if icon == nil || icon.Size < 1 || icon.Size > maxIcon || icon.Blob.Validate() != nil {
		return f, "", false
	}
	ext := map[string]string{"image/png": "png", "image/jpeg": "jpg", "image/svg+xml": "svg", "image/gif": "gif", "image/webp": "webp"}[icon.MediaType]
	if ext == "" {
		return f, "", false
	}
	return file{blob: icon.Blob, size: icon.Size, mediaType: icon.MediaType}, icon.Blob.Encoded() + "." + ext, true
}

// snapFields are the fields that all revisions of a snap share. A new field of the answers to info, find and refresh needs a row
// here or in revisionFields only.
var snapFields = fieldTable[*catalog.Snap]{
	{name: "categories", value: func(sn *catalog.Snap) any { return orEmpty(sn.Details.Categories) }},
	{name: "contact", value: func(sn *catalog.Snap) any { return sn.Details.Contact }},
	{name: "description", value: func(sn *catalog.Snap) any { return sn.Details.Description }},
	{name: "license", value: func(sn *catalog.Snap) any { return sn.Details.License }},
	{name: "links", value: func(sn *catalog.Snap) any { return links(sn) }},
	{name: "media", value: func(sn *catalog.Snap) any { return media(sn) }, urls: true},
	{name: "name", value: func(sn *catalog.Snap) any { return sn.Name }},
	// A price would make snapd ask for a purchase, which is impossible here.
	{name: "prices", value: func(*catalog.Snap) any { return struct{}{} }},
	{name: "private", value: func(sn *catalog.Snap) any { return sn.Details.Private }},
	{name: "publisher", value: func(sn *catalog.Snap) any { return sn.Details.Publisher }},
	{name: "snap-id", value: func(sn *catalog.Snap) any { return sn.SnapID }},
	{name: "store-url", value: func(sn *catalog.Snap) any { return orNil(sn.Details.StoreURL) }},
	{name: "summary", value: func(sn *catalog.Snap) any { return sn.Details.Summary }},
	{name: "title", value: func(sn *catalog.Snap) any { return sn.Details.Title }},
	{name: "website", value: func(sn *catalog.Snap) any { return sn.Details.Website }},
}

// revisionFields are the fields that differ between the revisions of a snap.
var revisionFields = fieldTable[snapRevision]{
	{name: "architectures", value: func(r snapRevision) any { return r.Architectures }},
	{name: "base", value: func(r snapRevision) any { return r.Base }},
	{name: "common-ids", value: func(r snapRevision) any { return orEmpty(r.CommonIDs) }},
	{name: "confinement", value: func(r snapRevision) any { return r.Confinement }},
	{name: "created-at", value: func(r snapRevision) any { return orNil(r.CreatedAt) }},
	{name: "download", value: func(r snapRevision) any { return servedAt(r.Download, snapFileName(r.snapID, r.Number)) }, urls: true},
	{name: "epoch", value: func(r snapRevision) any { return r.Epoch }},
	{name: "integrity", value: func(r snapRevision) any { return integrity(r) }, urls: true},
	{name: "resources", value: func(r snapRevision) any { return resources(r.snapID, r.SnapRevision) }, urls: true},
	{name: "revision", value: func(r snapRevision) any { return r.Number }},
	{name: "snap-yaml", value: func(r snapRevision) any { return orNil(r.SnapYAML) }},
	{name: "type", value: func(r snapRevision) any { return r.Type }},
	{name: "type", value: func(r snapRevision) any { return legacyType(r.Type) }, old: true},
	{name: "version", value: func(r snapRevision) any { return r.Version }},
}

// snapRevision is a revision with the ID of its snap, which is part of its URLs.
type snapRevision struct {
	*catalog.SnapRevision
	snapID string
}

func links(sn *catalog.Snap) map[string][]string {
	if sn.Details.Links == nil {
		return map[string][]string{}
	}
	return sn.Details.Links
}

// media returns the icon alone: screenshots and videos are behind URLs that devices can't reach.
func media(sn *catalog.Snap) []snap.Media {
	_, name, ok := iconFile(sn.Icon)
	if !ok {
		return []snap.Media{}
	}
	icon := snap.Media{Type: "icon"}
	for _, m := range sn.Details.Media {
		if m.Type == "icon" {
			icon = m
			break
		}
	}
	icon.URL = markedURL(iconPath + name)
	return []snap.Media{icon}
}

func resources(id string, r *catalog.SnapRevision) []snap.Resource {
	out := make([]snap.Resource, len(r.Resources))
	for i, c := range r.Resources {
		c.Download = servedAt(c.Download, componentFileName(id, c.Name, c.Revision))
		out[i] = c
	}
	return out
}

// integrity returns the integrity data of r, or nil for none.
func integrity(r snapRevision) any {
	if len(r.Integrity) == 0 {
		return nil
	}
	out := slices.Clone(r.Integrity)
	for i := range out {
		out[i].Download = servedAt(out[i].Download, integrityFileName(r.snapID, r.Number, &out[i]))
	}
	return out
}

// servedAt returns d with our URL and without deltas, since there are none here.
func servedAt(d snap.Download, name string) snap.Download {
	d.Deltas = []snap.Delta{}
	d.URL = markedURL(downloadPath + name)
	return d
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func orNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}
