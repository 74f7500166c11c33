package main

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"offlinestore/catalog"
	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
	"offlinestore/instance/settings"
	"offlinestore/session"
)

// imageToken is a token for tools that build images, in the form of the variable that snapd's tools read.
type imageToken struct {
	Store   string    `json:"store"`
	Expires time.Time `json:"expires-at"`
	Auth    string    `json:"ubuntu-store-auth"`
}

func newImageToken(dir *instance.Dir) *cobra.Command {
	valid := cli.Duration(24 * time.Hour)
	var asJSON bool
	c := &cobra.Command{
		Use:   "image-token STORE_ID",
		Short: "Print a token for building images with the private snaps of a store",
		Long: `Print a token with which 'snap prepare-image', 'ubuntu-image' and 'snap download' see
this store as the devices of the store STORE_ID do. They are no devices, so they
have no session. Whoever has the token can read the private snaps of the store
until it expires. A new proxy.device-auth.secret ends all tokens.`,
		Example: `  eval "$(snap-store-proxy image-token acme-store)"
  UBUNTU_STORE_URL=https://snaps.example.internal snap prepare-image pump.model image
  snap-store-proxy image-token acme-store --valid 30d --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if valid <= 0 || time.Duration(valid) > session.MaxTokenLife {
				return cli.Usagef("--valid: want a duration up to 366d")
			}
			return withSnapshot(c.Context(), dir, func(in *instance.Instance, cat *catalog.Snapshot) error {
				if err := cat.RequireStore(args[0]); err != nil {
					return err
				}
				t, err := newToken(in, args[0], time.Duration(valid))
				if err == nil {
					err = in.NoteImageToken(t.Store, t.Expires)
				}
				if err != nil {
					return err
				}
				return t.print(c.OutOrStdout(), asJSON)
			})
		},
	}
	c.Flags().Var(&valid, "valid", "how `long` the token is valid: 36h, 30d, 8w")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// newToken makes a token with the secret of the store, and the secret if there is none.
func newToken(in *instance.Instance, store string, valid time.Duration) (*imageToken, error) {
	if _, err := in.Settings.SetMissing(map[string]string{settings.DeviceAuthSecret: rand.Text()}); err != nil {
		return nil, err
	}
	expires := time.Now().Add(valid).UTC().Truncate(time.Second)
	text, err := session.NewKeys(in.Settings.Values().DeviceAuthSecret).NewToken(store, expires)
	if err != nil {
		return nil, err
	}
	auth, err := json.Marshal(map[string]string{"t": "macaroon", "v": text})
	if err != nil {
		return nil, err
	}
	return &imageToken{Store: store, Expires: expires, Auth: base64.StdEncoding.EncodeToString(auth)}, nil
}

func (t *imageToken) print(w io.Writer, asJSON bool) error {
	if asJSON {
		return cli.PrintJSON(w, t)
	}
	cli.Note("Token for images of the store %s, valid until %s:\n", t.Store, t.Expires.Format(time.RFC3339))
	_, err := fmt.Fprintf(w, "export UBUNTU_STORE_AUTH=%s\n", t.Auth)
	return err
}
