package main

import (
	"github.com/spf13/cobra"

	"offlinestore/cmd/internal/cli"
)

func newLogin() *cobra.Command {
	var o loginOptions
	c := &cobra.Command{
		Use:   "login [--offline URL] [EMAIL]",
		Short: "Log in at the Snap Store, or at an air-gapped store",
		Long: `Log in at the Snap Store with an Ubuntu One account (https://login.ubuntu.com), so that
exports see what the account sees. Exports of public snaps and charms need no login.
The command asks for the password and, if the account needs one, for a one-time
password. With --password-stdin or --password-file, the password is the first line, and
a one-time password the second. The login is kept in a file that only you can read. It
is sent to the store that it was made for, to that store's dashboard and to Ubuntu SSO,
and to no other host. 'store-admin logout' removes it.

On machines without a person, an environment variable holds the login instead. The first
that is set is used: STORE_ADMIN_TOKEN, SNAPCRAFT_STORE_CREDENTIALS (as 'snapcraft
export-login' writes it), UBUNTU_STORE_AUTH. There is no login in a browser: the original's
was by Candid, which was shut down in 2026.

With --offline, log in at the administration of an air-gapped store (its
proxy.admin.listen), as an admin that 'snap-store-proxy add-admin EMAIL' added there. If
STORE_ADMIN_TOKEN is set, its token is exchanged for the login: one that 'add-admin'
printed, or the one that 'store-admin export store' wrote and 'push-store' vouched for. Of
a login at the Snap Store, only the part leaves this host that opens nothing there. Else,
or with --password-stdin or --password-file, the password is used, which may be a one-time
token. The login is kept for 30 days. Meanwhile, 'create', 'list' and 'delete' administer
keys and models, and 'snap-store-proxy override --remote URL' works from here. Before
anything is sent, the store has to prove that it has the same key as at the first login
from here. 'snap-store-proxy status' shows the key on the store's host. On that host, an
http:// URL leads through a socket that no other user can make.
` + cli.ExitHelp,
		Example: `  store-admin login jo@example.com
  store-admin login jo@example.com --password-stdin < password.txt
  store-admin login --offline https://store.example.internal:8013 jo@example.internal
  STORE_ADMIN_TOKEN=$(cat token) store-admin login --offline https://store.example.internal:8013 jo@example.internal
  ssh -N -L 8013:127.0.0.1:8013 store.example.internal &
  store-admin login --offline http://127.0.0.1:8013 jo@example.internal`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := o.validate(args); err != nil {
				return err
			}
			if o.url != "" {
				return runOfflineLogin(c, o)
			}
			return runLogin(c, o)
		},
	}
	o.addFlags(c.Flags())
	return c
}
