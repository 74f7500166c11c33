package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/spf13/cobra"

	"offlinestore/catalog"
	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
	"offlinestore/server"
	"offlinestore/snap"
)

// whyOptions are the flags of why.
type whyOptions struct {
	arch, channel string
	revision      int
	epoch         int
	asJSON        bool
}

func newWhy(dir *instance.Dir) *cobra.Command {
	o := whyOptions{epoch: -1}
	c := &cobra.Command{
		Use:   "why SNAP",
		Short: "Tell what a device would get of a snap, and why not",
		Long: `Tell what a device would get of a snap from this store, or why it would get nothing.
The answer is the one of 'serve', from the state of the database. With --epoch, the
device has data of that epoch, and refreshes; else it installs.`,
		Example: "  snap-store-proxy why jq --arch arm64\n  snap-store-proxy why lxd --channel 5.21/stable --epoch 1",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if o.revision < 0 || o.epoch < -1 {
				return cli.Usagef("--revision and --epoch: want a number")
			}
			return withSnapshot(c.Context(), dir, func(in *instance.Instance, cat *catalog.Snapshot) error {
				answer, err := o.ask(in, cat, args[0])
				if err != nil {
					return err
				}
				return o.print(c.OutOrStdout(), args[0], answer)
			})
		},
	}
	f := c.Flags()
	f.StringVar(&o.arch, "arch", "amd64", "`architecture` of the device")
	f.StringVar(&o.channel, "channel", "", "`channel` that the device asks for (default the snap's default)")
	f.IntVar(&o.revision, "revision", 0, "`revision` that the device asks for")
	f.IntVar(&o.epoch, "epoch", -1, "`epoch` of the data that the device has")
	f.BoolVar(&o.asJSON, "json", false, "print JSON")
	return c
}

// whyAnswer is the result for one device.
type whyAnswer struct {
	Result   string `json:"result"`
	Revision int    `json:"revision,omitempty"`
	Version  string `json:"version,omitempty"`
	Channel  string `json:"channel,omitempty"`
	// Redirect is the channel that the device will follow instead.
	Redirect string `json:"redirect-channel,omitempty"`
	Code     string `json:"code,omitempty"`
	Reason   string `json:"reason,omitempty"`
}

// ask sends the request of a device to a server with the current state.
func (o *whyOptions) ask(in *instance.Instance, cat *catalog.Snapshot, name string) (whyAnswer, error) {
	s := server.New(server.Config{Blobs: in.Blobs})
	s.SetSettings(server.Settings{Domain: "localhost"})
	if err := s.SetSnapshot(cat); err != nil {
		return whyAnswer{}, err
	}
	body, err := json.Marshal(o.request(cat, name))
	if err != nil {
		return whyAnswer{}, err
	}
	r, err := http.NewRequest(http.MethodPost, "http://localhost/v2/snaps/refresh", bytes.NewReader(body))
	if err != nil {
		return whyAnswer{}, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set(snap.HeaderSeries, snap.Series)
	r.Header.Set(snap.HeaderArchitecture, o.arch)
	r.Header.Set(snap.HeaderCapabilities, "default-tracks")
	w := &answerBuffer{header: make(http.Header)}
	s.Handler().ServeHTTP(w, r)
	return decodeWhy(&w.body)
}

// answerBuffer keeps the body of an answer. A refused request has a body with the reason, so the status is not needed.
type answerBuffer struct {
	header http.Header
	body   bytes.Buffer
}

// Header implements [http.ResponseWriter].
func (b *answerBuffer) Header() http.Header { return b.header }

// WriteHeader implements [http.ResponseWriter].
func (b *answerBuffer) WriteHeader(int) {}

// Write implements [http.ResponseWriter].
func (b *answerBuffer) Write(p []byte) (int, error) { return b.body.Write(p) }

// request returns what snapd sends: an installation, or the refresh of an installed snap.
func (o *whyOptions) request(cat *catalog.Snapshot, name string) snap.RefreshRequest {
	a := snap.Action{Action: snap.ActionInstall, InstanceKey: "why", Name: name, Channel: o.channel, Revision: o.revision}
	req := snap.RefreshRequest{Context: []snap.Installed{}, Fields: []string{"revision", "version"}}
	if o.epoch < 0 {
		req.Actions = []snap.Action{a}
		return req
	}
	a.Action = snap.ActionRefresh
	for _, s := range cat.Snaps {
		if s.Name == name {
			a.SnapID, a.Name = s.SnapID, ""
			n := uint32(o.epoch)
			req.Context = append(req.Context, snap.Installed{SnapID: s.SnapID, InstanceKey: "why", TrackingChannel: o.channel, Epoch: &snap.Epoch{Read: []uint32{n}, Write: []uint32{n}}})
		}
	}
	if len(req.Context) == 0 {
		a.Action = snap.ActionInstall // the answer says that there is no such snap
	}
	req.Actions = []snap.Action{a}
	return req
}

// decodeWhy reads the one result of the answer.
func decodeWhy(answer io.Reader) (whyAnswer, error) {
	var body snap.RefreshResponse
	if err := json.NewDecoder(answer).Decode(&body); err != nil {
		return whyAnswer{}, fmt.Errorf("the server's answer: %w", err)
	}
	if len(body.ErrorList) > 0 {
		return whyAnswer{Result: "error", Code: body.ErrorList[0].Code, Reason: body.ErrorList[0].Message}, nil
	}
	if len(body.Results) == 0 {
		return whyAnswer{Result: "none", Reason: "nothing that the device can use: it keeps what it has"}, nil
	}
	r := body.Results[0]
	switch {
	case r.Error != nil:
		return whyAnswer{Result: r.Result, Code: r.Error.Code, Reason: r.Error.Message}, nil
	case r.Snap == nil:
		return whyAnswer{}, fmt.Errorf("the server's answer has no snap")
	}
	return whyAnswer{Result: r.Result, Revision: r.Snap.Revision.Number, Version: r.Snap.Version, Channel: r.EffectiveChannel, Redirect: r.RedirectChannel}, nil
}

func (o *whyOptions) print(w io.Writer, name string, a whyAnswer) error {
	if o.asJSON {
		return cli.PrintJSON(w, a)
	}
	if a.Revision == 0 {
		_, err := fmt.Fprintf(w, "%s for %s: nothing: %s\n", cli.Clean(name), cli.Clean(o.arch), cli.Clean(a.Reason))
		return err
	}
	line := fmt.Sprintf("%s for %s: revision %d, version %s", name, o.arch, a.Revision, a.Version)
	if a.Channel != "" {
		line += ", from " + a.Channel
	}
	if a.Redirect != "" {
		line += "; the device will follow " + a.Redirect
	}
	_, err := fmt.Fprintln(w, cli.Clean(line))
	return err
}
