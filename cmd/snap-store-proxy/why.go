package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"

	"github.com/spf13/cobra"

	"offlinestore/catalog"
	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
	"offlinestore/server"
	"offlinestore/snap"
)

// whyOptions are the flags of why.
type whyOptions struct {
	arch, channel, base string
	revision            int
	epoch               int
	isCharm, asJSON     bool
}

func newWhy(dir *instance.Dir) *cobra.Command {
	o := whyOptions{epoch: -1}
	c := &cobra.Command{
		Use:   "why NAME",
		Short: "Tell what a device would get of a snap, or Juju of a charm, and why not",
		Long: `Tell what a device would get of a snap from this store, or why it would get nothing.
The answer is the one of 'serve', from the state of the database. With --epoch, the
device has data of that epoch, and refreshes; else it installs.

Of a charm, tell what Juju would get: without --base, Juju chooses the base. Of a
charm bundle, tell it for each application, too. With --charm, NAME is a charm even
if there is a snap of that name.`,
		Example: `  snap-store-proxy why jq --arch arm64
  snap-store-proxy why lxd --channel 5.21/stable --epoch 1
  snap-store-proxy why postgresql --channel 14/stable --base ubuntu@22.04
  snap-store-proxy why cos-lite`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if o.revision < 0 || o.epoch < -1 {
				return cli.Usagef("--revision and --epoch: want a number")
			}
			return withSnapshot(c.Context(), dir, func(in *instance.Instance, cat *catalog.Snapshot) error {
				s := server.New(server.Config{Blobs: in.Blobs})
				s.SetSettings(server.Settings{Domain: "localhost"})
				if err := s.SetSnapshot(cat); err != nil {
					return err
				}
				if isCharm(cat, args[0], o.isCharm) {
					return o.printCharm(c.OutOrStdout(), s, cat, args[0])
				}
				answer, err := o.ask(s, cat, args[0])
				if err != nil {
					return err
				}
				return o.print(c.OutOrStdout(), args[0], answer)
			})
		},
	}
	f := c.Flags()
	f.StringVar(&o.arch, "arch", "amd64", "`architecture` of the device")
	f.StringVar(&o.channel, "channel", "", "`channel` that the device or Juju asks for (default the one of the snap or charm)")
	f.StringVar(&o.base, "base", "", "`base` of Juju's machine: ubuntu@22.04 or jammy")
	f.BoolVar(&o.isCharm, "charm", false, "NAME is a charm or charm bundle")
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
func (o *whyOptions) ask(s *server.Server, cat *catalog.Snapshot, name string) (whyAnswer, error) {
	answer, err := ask(s, "/v2/snaps/refresh", o.arch, o.request(cat, name))
	if err != nil {
		return whyAnswer{}, err
	}
	return decodeWhy(bytes.NewReader(answer))
}

// ask sends a request to a server without a network, and returns the body of the answer.
func ask(s *server.Server, path, arch string, request any) ([]byte, error) {
	body, err := json.Marshal(request)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequest(http.MethodPost, "http://localhost"+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set(snap.HeaderSeries, snap.Series)
	r.Header.Set(snap.HeaderArchitecture, arch)
	r.Header.Set(snap.HeaderCapabilities, "default-tracks")
	w := &answerBuffer{header: make(http.Header)}
	s.Handler().ServeHTTP(w, r)
	return w.body.Bytes(), nil
}

// isCharm reports whether a name means a charm or charm bundle: because the operator says so, or because no snap has it.
func isCharm(cat *catalog.Snapshot, name string, chosen bool) bool {
	isSnap := slices.ContainsFunc(cat.Snaps, func(s catalog.Snap) bool { return s.Name == name })
	return chosen || !isSnap && findCharm(cat, name) != nil
}

func (o *whyOptions) printCharm(w io.Writer, s *server.Server, cat *catalog.Snapshot, name string) error {
	answer, err := o.whyCharm(s, cat, name)
	if err != nil {
		return err
	}
	if o.asJSON {
		return cli.PrintJSON(w, answer)
	}
	return answer.print(w, name, o.arch)
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
