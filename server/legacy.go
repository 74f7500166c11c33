package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"offlinestore/catalog"
	"offlinestore/channel"
	"offlinestore/snap"
	"offlinestore/transfer"
)

const maxMetadataBody = 4 << 20

// legacySnap is a snap in version 1 of the API. snapd before 2.34 used it for everything, and snapd before 2.44.2 for searches.
type legacySnap struct {
	AnonDownloadURL string             `json:"anon_download_url"`
	Architecture    []string           `json:"architecture"`
	Base            *string            `json:"base"`
	BinaryFilesize  int64              `json:"binary_filesize"`
	Channel         string             `json:"channel"`
	ChannelMapsList []legacyTrack      `json:"channel_maps_list,omitempty"`
	CommonIDs       []string           `json:"common_ids"`
	Confinement     string             `json:"confinement"`
	Content         string             `json:"content"`
	Deltas          []struct{}         `json:"deltas"`
	Description     string             `json:"description"`
	DeveloperID     string             `json:"developer_id"`
	DownloadSHA3384 string             `json:"download_sha3_384"`
	DownloadURL     string             `json:"download_url"`
	Epoch           any                `json:"epoch"`
	IconURL         string             `json:"icon_url"`
	LastUpdated     string             `json:"last_updated,omitempty"`
	License         *string            `json:"license"`
	Origin          string             `json:"origin"`
	PackageName     string             `json:"package_name"`
	Prices          map[string]float64 `json:"prices"`
	Private         bool               `json:"private"`
	Publisher       string             `json:"publisher"`
	Revision        int                `json:"revision"`
	ScreenshotURLs  []string           `json:"screenshot_urls"`
	SnapID          string             `json:"snap_id"`
	SnapYAML        string             `json:"snap_yaml_raw,omitempty"`
	Summary         string             `json:"summary"`
	SupportURL      string             `json:"support_url"`
	Contact         string             `json:"contact"`
	Title           string             `json:"title"`
	Version         string             `json:"version"`
}

type legacyTrack struct {
	Track string          `json:"track"`
	Map   []legacyChannel `json:"map"`
}

type legacyChannel struct {
	BinaryFilesize int64  `json:"binary_filesize,omitempty"`
	Channel        string `json:"channel"`
	Confinement    string `json:"confinement,omitempty"`
	Epoch          any    `json:"epoch,omitempty"`
	Info           string `json:"info"`
	Revision       int    `json:"revision,omitempty"`
	Version        string `json:"version,omitempty"`
}

func newLegacySnap(sn *catalog.Snap, rev *catalog.SnapRevision, channelName, origin string) legacySnap {
	d := &sn.Details
	out := legacySnap{
		Architecture: rev.Architectures, Base: rev.Base, BinaryFilesize: rev.Download.Size, Channel: channelName,
		CommonIDs: orEmpty(rev.CommonIDs), Confinement: rev.Confinement, Content: legacyType(rev.Type), Deltas: []struct{}{}, Description: d.Description,
		DeveloperID: d.Publisher.ID, DownloadSHA3384: rev.Download.SHA3384, Epoch: legacyEpoch(rev.Epoch), LastUpdated: rev.CreatedAt,
		License: d.License, Origin: d.Publisher.Username, PackageName: sn.Name, Prices: map[string]float64{}, Private: d.Private,
		Publisher: d.Publisher.DisplayName, Revision: rev.Number, ScreenshotURLs: []string{}, SnapID: sn.SnapID,
		Summary: d.Summary, Title: d.Title, Version: rev.Version,
	}
	out.AnonDownloadURL = origin + downloadPath + snapFileName(sn.SnapID, rev.Number)
	out.DownloadURL = out.AnonDownloadURL
	if d.Contact != nil {
		out.Contact, out.SupportURL = *d.Contact, *d.Contact
	}
	if _, name, ok := iconFile(sn.Icon); ok {
		out.IconURL = origin + iconPath + name
	}
	return out
}

// legacyEpoch returns an epoch in the notation of old clients, "1" or "1*", if the epoch can be written so.
func legacyEpoch(e snap.Epoch) any {
	if len(e.Write) == 0 {
		e.Write = []uint32{0}
	}
	if len(e.Read) == 0 {
		e.Read = []uint32{0}
	}
	n := e.Write[0]
	text := strconv.FormatUint(uint64(n), 10)
	switch {
	case len(e.Write) == 1 && slices.Equal(e.Read, e.Write):
		return text
	case len(e.Write) == 1 && n > 0 && slices.Equal(e.Read, []uint32{n - 1, n}):
		return text + "*"
	}
	return e
}

// legacyChannels lists the channels of a snap by track. st has its texts.
func legacyChannels(sn *indexedSnap, st *catalog.Snap, arch string) []legacyTrack {
	out := []legacyTrack{}
	for _, r := range sn.openRows(arch) {
		i := slices.IndexFunc(out, func(t legacyTrack) bool { return t.Track == r.channel.Track })
		if i < 0 {
			i = len(out)
			out = append(out, legacyTrack{Track: r.channel.Track})
		}
		rev := revisionOf(st, r.revision.number)
		out[i].Map = append(out[i].Map, legacyChannel{BinaryFilesize: rev.Download.Size, Channel: r.channel.Risk, Confinement: rev.Confinement,
			Epoch: legacyEpoch(rev.Epoch), Info: "specific", Revision: rev.Number, Version: rev.Version})
	}
	return out
}

// details answers GET /api/v1/snaps/details/<name>, with a channel or a revision.
func (s *Server) details(w http.ResponseWriter, r *http.Request, ix *index) {
	name, query := r.PathValue("name"), r.URL.Query()
	sn, arch := ix.find("", name), headerArchitecture(w, r)
	number, _ := strconv.Atoi(query.Get("revision"))
	if sn == nil {
		s.missSnap("", name, query.Get("channel"), arch, number)
		s.fail(w, r, http.StatusNotFound, "resource-not-found", fmt.Sprintf("no snap named %.60q in this store", name))
		return
	}
	origin, ok := s.requireOrigin(w, r)
	if !ok {
		return
	}
	if open := sn.channels.Open(); arch == "" && len(open) > 0 {
		arch = open[0].Platform
	}
	rev, where, err := sn.legacyPick(ix, arch, query.Get("channel"), query.Get("revision"))
	if err != nil {
		s.fail(w, r, http.StatusBadRequest, codeBadRequest, err.Error())
		return
	}
	if rev == nil {
		s.missSnap("", name, query.Get("channel"), arch, number)
		s.fail(w, r, http.StatusNotFound, "resource-not-found", fmt.Sprintf("snap %q has no such release; here it is for %s", name, sn.where()))
		return
	}
	st, err := sn.read()
	if err != nil {
		s.fail(w, r, http.StatusInternalServerError, codeInternal, "the snap can't be read in this store")
		return
	}
	full := revisionOf(st, rev.number)
	if transfer.Hold(r, 2*int64(len(full.SnapYAML)+len(st.Details.Description))) != nil {
		s.failBusy(w, r)
		return
	}
	out := newLegacySnap(st, full, where, origin)
	out.ChannelMapsList, out.SnapYAML = legacyChannels(sn, st, arch), full.SnapYAML
	s.writeJSON(w, r, http.StatusOK, typeHAL, out)
}

// legacyPick finds the revision that the parameters name, and its channel. The revision is nil if there is none.
func (sn *indexedSnap) legacyPick(ix *index, arch, asked, number string) (*indexedRevision, string, error) {
	named := asked != ""
	if !named {
		asked = channel.Stable
	}
	c, err := channel.Parse(asked)
	if err != nil {
		return nil, "", err
	}
	c = c.WithTrack(channel.DefaultTrack) // clients of version 1 know no default tracks
	if number == "" || number == "0" {
		if r := sn.follow(arch, c); r != nil {
			return r.revision, r.name, nil
		}
		if open := sn.openRows(arch); !named && len(open) > 0 {
			return open[0].revision, open[0].name, nil // 'snap info' asks for any channel so
		}
		return nil, "", nil
	}
	n, err := strconv.ParseUint(strings.TrimSpace(number), 10, 31)
	if err != nil {
		return nil, "", fmt.Errorf("revision %.20q: want a number", number)
	}
	rev := sn.byNumber(arch, int(n))
	if rev == nil || !named || !sn.hasRelease(arch, rev) {
		return rev, "", nil
	}
	if r := sn.released(arch, rev, c); r != nil {
		return rev, r.name, nil
	}
	return nil, "", nil
}

// metadataRequest is the body of POST /api/v1/snaps/metadata: the snaps of a device.
type metadataRequest struct {
	Snaps []legacyInstalled `json:"snaps"`
}

// legacyInstalled is a snap on a device.
type legacyInstalled struct {
	SnapID   string          `json:"snap_id"`
	Channel  string          `json:"channel"`
	Revision json.RawMessage `json:"revision"`
	Epoch    *snap.Epoch     `json:"epoch"`
	// IgnoreValidation is as in version 2.
	IgnoreValidation bool `json:"ignore_validation"`
}

// usable returns a test for the revisions that a device can use.
func (req *metadataRequest) usable(ix *index, sn *indexedSnap, in legacyInstalled) usable {
	have, _ := strconv.Atoi(strings.Trim(string(in.Revision), `"`))
	u := usable{ix: ix, snapID: sn.SnapID, epoch: in.Epoch, have: have}
	if !in.IgnoreValidation {
		u.gates = ix.gatesAmong(sn, func(id string) bool {
			return slices.ContainsFunc(req.Snaps, func(other legacyInstalled) bool { return other.SnapID == id })
		})
	}
	return u
}

// metadata answers with the current revision of each snap of a device. Snaps that are not here are left out.
func (s *Server) metadata(w http.ResponseWriter, r *http.Request, ix *index) {
	var req metadataRequest
	if !s.readJSON(w, r, maxMetadataBody, &req) {
		return
	}
	if len(req.Snaps) > maxActions {
		s.fail(w, r, http.StatusBadRequest, codeBadRequest, fmt.Sprintf("more than %d snaps in one request", maxActions))
		return
	}
	origin, ok := s.requireOrigin(w, r)
	if !ok {
		return
	}
	arch, out := architecture(r), packages{r: r, list: []json.RawMessage{}}
	seen := make(map[string]bool, len(req.Snaps))
	for _, in := range req.Snaps {
		if seen[in.SnapID] {
			continue
		}
		seen[in.SnapID] = true
		sn := ix.findID(in.SnapID)
		if in.Channel == "" {
			in.Channel = channel.Stable
		}
		c, err := channel.Parse(in.Channel)
		if sn == nil {
			s.missSnap(in.SnapID, "", in.Channel, arch, 0)
		}
		if sn == nil || err != nil {
			continue
		}
		if sn.follow(arch, c.WithTrack(channel.DefaultTrack)) == nil {
			s.missSnap(in.SnapID, sn.Name, in.Channel, arch, 0)
		}
		if found := sn.upgrade(arch, c.WithTrack(channel.DefaultTrack), req.usable(ix, sn, in)); found != nil {
			st, err := sn.read()
			if err != nil {
				continue
			}
			if out.add(newLegacySnap(st, revisionOf(st, found.revision.number), found.name, origin)) != nil {
				s.failBusy(w, r)
				return
			}
		}
	}
	var body listBody
	body.Embedded.Packages = out.list
	s.writeJSON(w, r, http.StatusOK, typeHAL, body)
}
