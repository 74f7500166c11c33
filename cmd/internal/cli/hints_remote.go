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
