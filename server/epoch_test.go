package server_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"offlinestore/catalog"
	"offlinestore/server"
	"offlinestore/snap"
)

const stepperID = "stepper0000000000000000000000000"

// stepper holds a snap with epochs. Its stable channel has revision 3 of epoch 2, and revision 2, which leads devices there from
// epoch 1.
func stepper(b *blobs) *catalog.Snapshot {
	s := catalog.Snap{Name: "stepper", SnapID: stepperID, Details: details("Stepper", "Goes step by step"),
		Revisions:  []catalog.SnapRevision{revision(b, 2, "2", "amd64"), revision(b, 3, "3", "amd64"), revision(b, 4, "4", "amd64")},
		ChannelMap: []snap.Release{release("amd64", "latest/edge", 4, ""), release("amd64", "latest/stable", 2, ""), release("amd64", "latest/stable", 3, "")},
	}
	s.Revisions[0].Epoch = snap.Epoch{Read: []uint32{1, 2}, Write: []uint32{2}}
	s.Revisions[1].Epoch = snap.Epoch{Read: []uint32{2}, Write: []uint32{2}}
	s.Revisions[2].Epoch = snap.Epoch{Read: []uint32{3}, Write: []uint32{3}}
	return &catalog.Snapshot{Snaps: []catalog.Snap{s}}
}

func TestEpochsOfAChannel(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	h := serve(t, b, stepper(b), server.Config{}).Handler()
	epoch := func(n uint32) *snap.Epoch { return &snap.Epoch{Read: []uint32{n}, Write: []uint32{n}} }
	for _, tt := range []struct {
		name      string
		installed snap.Installed
		channel   string
		want      string
	}{
		{"a revision that is not here", snap.Installed{Revision: 1, Epoch: epoch(1)}, "stable", "2 stable - "},
		{"the gatekeeper", snap.Installed{Revision: 2, Epoch: epoch(2)}, "stable", "3 stable - "},
		{"the newest", snap.Installed{Revision: 3, Epoch: epoch(2)}, "stable", "3 stable - "},
		{"data of no epoch that is here", snap.Installed{Revision: 9, Epoch: epoch(0)}, "stable", "9  - "},
		{"a channel of a later epoch", snap.Installed{Revision: 3, Epoch: epoch(2)}, "edge", "3  - "},
	} {
		tt.installed.SnapID, tt.installed.InstanceKey, tt.installed.TrackingChannel = stepperID, "k", tt.channel
		got := refresh(t, h, snap.RefreshRequest{Context: []snap.Installed{tt.installed}, Actions: []snap.Action{{Action: "refresh", InstanceKey: "k", SnapID: stepperID}}})
		if len(got) != 1 || summary(got[0]) != tt.want || got[0].Result != "refresh" || got[0].SnapID != stepperID {
			t.Errorf("%s: results = %+v, want %s", tt.name, got, tt.want)
		}
	}
	got := refresh(t, h, snap.RefreshRequest{Actions: []snap.Action{{Action: "install", InstanceKey: "a", Name: "stepper", Epoch: epoch(1)},
		{Action: "install", InstanceKey: "b", Name: "stepper"}}})
	if len(got) != 2 || summary(got[0]) != "2 stable - " || summary(got[1]) != "3 stable - " {
		t.Errorf("results of amend and install = %+v, want 2 and 3", got)
	}
}

// TestRevisionOfNoChannel asks for a revision that came by number, as charms do, from the channel that had it upstream.
func TestRevisionOfNoChannel(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	c := catalogue(b)
	c.Snaps[2].Revisions = append(c.Snaps[2].Revisions, revision(b, 12, "1.9", "amd64"))
	h := serve(t, b, c, server.Config{}).Handler()
	got := refresh(t, h, snap.RefreshRequest{Actions: []snap.Action{{Action: "install", InstanceKey: "a", Name: "jq", Revision: 12, Channel: "1.9/edge"}}})
	if s := summary(got[0]); s != "12  - " {
		t.Errorf("result = %s, want revision 12 from no channel", s)
	}
}

// TestLegacyEpochs asks as snapd 2.30 does.
func TestLegacyEpochs(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	h := serve(t, b, stepper(b), server.Config{}).Handler()
	for epoch, want := range map[string]int{`"1"`: 2, `"2"`: 3, `{"read":[1,2],"write":[2]}`: 3, `null`: 3} {
		body := bodyOf(t, call(t, h, "POST", "/api/v1/snaps/metadata",
			`{"snaps":[{"snap_id":"`+stepperID+`","channel":"stable","revision":1,"epoch":`+epoch+`}]}`, "X-Ubuntu-Architecture: amd64"))
		if !strings.Contains(body, fmt.Sprintf(`"revision":%d,`, want)) {
			t.Errorf("epoch %s: %s, want revision %d", epoch, body, want)
		}
	}
}

// TestOldClients asks as clients do that understand no default tracks and not every type of snap.
func TestOldClients(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	c := catalogue(b)
	c.Snaps[2].Revisions[1].Type = "snapd"
	h := serve(t, b, c, server.Config{}).Handler()
	got := refresh(t, h, snap.RefreshRequest{Actions: []snap.Action{{Action: "install", InstanceKey: "a", Name: "hello"}}})
	if s := summary(got[0]); s != "1 stable - 2022-01-01T00:00:00Z" {
		t.Errorf("an install without default tracks gets %s, want latest/stable", s)
	}
	for path, want := range map[string]string{"search?q=jq": "app", "details/jq": "app", "details/hello": "app"} {
		var v struct {
			Content  string
			Revision int
			Embedded struct {
				Packages []struct{ Content string } `json:"clickindex:package"`
			} `json:"_embedded"`
		}
		if err := json.Unmarshal([]byte(bodyOf(t, call(t, h, "GET", "/api/v1/snaps/"+path, "", "X-Ubuntu-Architecture: amd64"))), &v); err != nil {
			t.Fatal(err)
		}
		for _, p := range v.Embedded.Packages {
			v.Content = p.Content
		}
		if v.Content != want {
			t.Errorf("%s has the type %q, want %q", path, v.Content, want)
		}
		if path == "details/hello" && v.Revision != 1 {
			t.Errorf("%s has revision %d, want that of latest/stable", path, v.Revision)
		}
	}
}

// TestIntegrity serves the dm-verity data of a revision.
func TestIntegrity(t *testing.T) {
	t.Parallel()
	b := newBlobs(t)
	c := catalogue(b)
	r := &c.Snaps[2].Revisions[1]
	digest := strings.Repeat("0a", 32)
	r.Integrity = []snap.Integrity{{Type: "dm-verity", Version: "1", HashAlgorithm: "sha256", DataBlockSize: 4096, HashBlockSize: 4096, Digest: digest,
		Salt: "5a", Download: snap.Download{SHA3384: strings.Repeat("ee", 48), Size: 9}}}
	r.IntegrityBlobs = append(r.IntegrityBlobs, b.put("hash tree"))
	h := serve(t, b, c, server.Config{}).Handler()
	body := bodyOf(t, call(t, h, "POST", "http://store.example/v2/snaps/refresh", `{"context":[],"fields":["integrity"],"actions":[{"action":"install","instance-key":"i","name":"jq"}]}`))
	path := "/api/v1/snaps/download/" + jqID + "_6.dm-verity_" + digest
	want := `"snap":{"integrity":[{"data-block-size":4096,"digest":"` + digest + `","download":{"deltas":[],"sha3-384":"` + strings.Repeat("ee", 48) +
		`","size":9,"url":"http://store.example` + path + `"},"hash-algorithm":"sha256","hash-block-size":4096,"salt":"5a","type":"dm-verity","version":"1"}]}`
	if !strings.Contains(body, want) {
		t.Errorf("answer = %s, want %s in it", body, want)
	}
	if got := bodyOf(t, call(t, h, "GET", path, "")); got != "hash tree" {
		t.Errorf("GET %s = %q, want the hash tree", path, got)
	}
}
