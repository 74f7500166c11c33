//go:build linux

package e2e_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"offlinestore/internal/upstreamtest"
	"offlinestore/snap"
)

// TestIntegrityAcrossTheGap takes the dm-verity data of a revision into a store, which offers it to clients that ask for the field.
func TestIntegrityAcrossTheGap(t *testing.T) {
	t.Parallel()
	up := newOrigin(t)
	up.addSnap("sealed")
	up.upload("sealed", upstreamtest.Rev{Revision: 4, Verity: upstreamtest.Bytes([]byte("hash tree"))}, "stable")
	var want snap.InfoResponse
	get(t, up.url+"/v2/snaps/info/sealed?architecture=amd64&fields=integrity", &want)
	if len(want.ChannelMap) == 0 || len(want.ChannelMap[0].Integrity) != 1 {
		t.Fatalf("the origin answers %+v, want integrity data", want)
	}
	o := newOutside(t, up.url, up.Stack.RootStream())
	files := o.export("sealed", "--no-deps")
	if out := o.admin("inspect", files[0]); !strings.Contains(out, "dm-verity") {
		t.Errorf("inspect printed %q, want dm-verity", out)
	}
	var inspected []struct {
		Snaps []struct {
			Revisions []struct{ Integrity []string }
		}
	}
	if err := json.Unmarshal([]byte(o.admin("inspect", "--json", files[0])), &inspected); err != nil {
		t.Fatal(err)
	}
	if got := inspected[0].Snaps[0].Revisions[0].Integrity; len(got) != 1 || got[0] != "dm-verity" {
		t.Errorf("inspect --json has the integrity %q", got)
	}
	in := newInside(t, o)
	in.push(files...)
	in.serve()
	var info, without snap.InfoResponse
	get(t, in.url+"/v2/snaps/info/sealed?architecture=amd64&fields=integrity", &info)
	get(t, in.url+"/v2/snaps/info/sealed?architecture=amd64&fields=version", &without)
	if len(without.ChannelMap) != 1 || without.ChannelMap[0].Integrity != nil {
		t.Errorf("without the field: %+v", without.ChannelMap)
	}
	if len(info.ChannelMap) != 1 || len(info.ChannelMap[0].Integrity) != 1 {
		t.Fatalf("info: %+v, want integrity data", info)
	}
	got := info.ChannelMap[0].Integrity[0]
	if file := readAll(t, got.Download.URL); file != "hash tree" || !strings.HasPrefix(got.Download.URL, in.url) {
		t.Errorf("%s holds %q, want the hash tree", got.Download.URL, file)
	}
	original := want.ChannelMap[0].Integrity[0]
	got.Download.URL, original.Download.URL, got.Download.Deltas, original.Download.Deltas = "", "", nil, nil
	a, _ := json.Marshal(got)
	b, _ := json.Marshal(original)
	if string(a) != string(b) {
		t.Errorf("integrity data %s, want that of the origin, %s", a, b)
	}
	refreshed := post(t, in.url+"/v2/snaps/refresh", `{"context":[],"fields":["integrity","revision"],"actions":[{"action":"install","instance-key":"i","name":"sealed"}]}`)
	if !strings.Contains(refreshed, `"type":"dm-verity"`) || !strings.Contains(refreshed, original.Digest) {
		t.Errorf("refresh answers %s, want the integrity data", refreshed)
	}
}

// post sends JSON as a device of amd64 and returns the answer.
func post(t *testing.T, url, body string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "POST", url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set(snap.HeaderSeries, snap.Series)
	req.Header.Set(snap.HeaderArchitecture, "amd64")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("POST %s: status %d, %v, %s", url, resp.StatusCode, err, text)
	}
	return string(text)
}
