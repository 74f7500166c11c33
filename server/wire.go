package server

import (
	"fmt"
	"time"

	"offlinestore/catalog"
	"offlinestore/snap"
)

// The paths under which blobs are served. Components follow the names that the store gives their files on a device.
const (
	downloadPath = "/api/v1/snaps/download/"
	iconPath     = "/icons/"
)

// maxIcon is the size of the largest icon that snapd takes.
const maxIcon = 300_000

func snapFileName(id string, revision int) string { return fmt.Sprintf("%s_%d.snap", id, revision) }

func componentFileName(id, name string, revision int) string {
	return fmt.Sprintf("%s+%s_%d.comp", id, name, revision)
}

// iconFile returns how an icon is served. It is false for none, and for one that no client could take.
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

// detail returns the value of a field that all revisions share, nil to leave it out.
func (sn *indexedSnap) detail(f fieldSet) any {
	d := &sn.Details
	switch f {
	case fCategories:
		return orEmpty(d.Categories)
	case fContact:
		return d.Contact
	case fDescription:
		return d.Description
	case fLicense:
		return d.License
	case fLinks:
		if d.Links == nil {
			return map[string][]string{}
		}
		return d.Links
	case fMedia:
		return sn.media()
	case fName:
		return sn.Name
	case fPrices:
		// A price makes snapd ask for a purchase, which can't be made here.
		return struct{}{}
	case fPrivate:
		return d.Private
	case fPublisher:
		return d.Publisher
	case fSnapID:
		return sn.SnapID
	case fStoreURL:
		return orNil(d.StoreURL)
	case fSummary:
		return d.Summary
	case fTitle:
		return d.Title
	case fWebsite:
		return d.Website
	}
	return nil
}

// media is the icon alone: screenshots and videos are behind URLs that devices can't reach.
func (sn *indexedSnap) media() []snap.Media {
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

// revisionField returns the value of a field of a revision, nil to leave it out.
func revisionField(id string, r *catalog.SnapRevision, f fieldSet) any {
	switch f {
	case fArchitectures:
		return r.Architectures
	case fBase:
		return r.Base
	case fCommonIDs:
		return orEmpty(r.CommonIDs)
	case fConfinement:
		return r.Confinement
	case fCreatedAt:
		return orNil(r.CreatedAt)
	case fDownload:
		return servedAt(r.Download, snapFileName(id, r.Revision.Number))
	case fEpoch:
		return r.Epoch
	case fResources:
		return resources(id, r)
	case fRevision:
		return r.Revision.Number
	case fSnapYAML:
		return orNil(r.SnapYAML)
	case fType:
		return r.Type
	case fVersion:
		return r.Version
	}
	return nil
}

func resources(id string, r *catalog.SnapRevision) []snap.Resource {
	out := make([]snap.Resource, len(r.Resources))
	for i, c := range r.Resources {
		c.Download = servedAt(c.Download, componentFileName(id, c.Name, c.Revision))
		out[i] = c
	}
	return out
}

// servedAt is d as we serve it: under our URL, and whole, since there are no deltas.
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

// compareTimes compares two times in RFC 3339; what is no time is before all.
func compareTimes(a, b string) int {
	ta, _ := time.Parse(time.RFC3339, a)
	tb, _ := time.Parse(time.RFC3339, b)
	return ta.Compare(tb)
}
