package cli

import (
	"crypto/x509"
	"fmt"

	"offlinestore/server/admin/api"
)

// RemoteHints returns the rows about the remote administration of a store, which both programs support.
func RemoteHints() Table {
	return Table{
		On(As[*api.URLError], Usage, ""),
		On(Is(api.ErrNoCA), Usage, ""),
		OnType(Usage, func(e *api.InsecureURLError) string {
			return fmt.Sprintf("give the store a certificate and say https://, or go through a tunnel: ssh -L 8013:127.0.0.1:8013 %s, and http://127.0.0.1:8013", e.Host)
		}),
		OnType(Failed, func(e *api.NotLoggedInError) string {
			return fmt.Sprintf("log in first: store-admin login --offline %s EMAIL", e.URL)
		}),
		OnType(Failed, func(e *api.DamagedLoginError) string {
			return fmt.Sprintf("log in again: store-admin login --offline %s EMAIL", e.URL)
		}),
		OnType(Untrusted, func(e *api.ImpostorError) string {
			if e.Got == "" {
				return "another program may have taken the store's place, or the store is older than this program: see 'snap-store-proxy status' on its host"
			}
			return fmt.Sprintf("compare the key with 'snap-store-proxy status' on the store's host; if it is right there, log in again: store-admin login --accept-key --offline %s EMAIL", e.URL)
		}),
		On(As[*api.SocketError], Untrusted, "find out who made it; the folder is to belong to root or to the user who runs the store"),
		On(As[*api.NotRunningError], Failed,
			"start it (systemctl start snap-store-proxy); for a tunnel to another store, add --accept-key"),
		OnType(Failed, func(e *api.LoginExpiredError) string {
			return fmt.Sprintf("log in again: store-admin login --offline %s %s", e.URL, e.Email)
		}),
		OnType(Failed, func(e *api.RefusedLoginError) string {
			return fmt.Sprintf("an admin is added on the store's host: snap-store-proxy add-admin %s", e.Email)
		}),
		On(All(As[*api.ConnectError], As[x509.UnknownAuthorityError]), Failed,
			"bring the certificate that clients of the store have to trust ('snap-store-proxy client-config' has it), and log in with --ca FILE"),
		On(As[*api.NotFoundError], Gaps, ""),
	}
}
