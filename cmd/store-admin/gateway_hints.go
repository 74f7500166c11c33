package main

import (
	"errors"
	"fmt"
	"strings"

	"offlinestore/cmd/internal/cli"
	"offlinestore/macaroons"
	"offlinestore/server/admin/api"
	gateway "offlinestore/server/gateway/api"
)

// gatewayHints returns the rows about the administration of models in an air-gapped store.
func gatewayHints() cli.Table {
	refused := func(code string) cli.Match {
		return func(err error) bool {
			r, ok := errors.AsType[*api.RefusalError](err)
			return ok && r.Gateway && r.Code == code
		}
	}
	return cli.Table{
		cli.On(cli.Is(errNoStore), cli.Failed, "log in with 'store-admin login --offline URL EMAIL', or name a store where you are logged in with --store-url"),
		cli.On(cli.Is(gateway.ErrNone), cli.Failed, "the store is older than this program: install the same release there, and restart it"),
		cli.On(cli.All(cli.As[*tokenError], cli.Is(macaroons.ErrFormat)), cli.Usage,
			"set it to the token that 'snap-store-proxy add-admin' or 'store-admin export store' made, or unset it to log in with a password"),
		cli.OnType(cli.Failed, func(e *tokenError) string {
			return fmt.Sprintf("on the store's host, 'snap-store-proxy add-admin %s --role model-administrator --token' prints a token, and "+
				"'snap-store-proxy push-store --store-admin-token FILE' makes the one of 'export store' good; unset %s to log in with a password", e.email, tokenVariable)
		}),
		cli.On(isUnknown, cli.Gaps, "bring the account of the brand: 'store-admin export account-keys ACCOUNT KEYID' outside, then 'snap-store-proxy push-account-keys FILE'"),
		cli.OnType(cli.Usage, func(e *brandsError) string {
			return "name one with --brand, or set " + brandVariable + ": " + strings.Join(e.known, ", ")
		}),
		cli.On(refused(gateway.CodeNeedPermissions), cli.Failed, "on the store's host: snap-store-proxy add-admin EMAIL --role model-administrator, with another --role for each role that the admin keeps; 'store-admin whoami --offline URL' shows yours"),
		cli.On(refused(gateway.CodeNoToken), cli.Failed, "on the store's host, 'snap-store-proxy status' shows the token, and 'config proxy.hsm.token-label=LABEL' names it (docs/model-service.md)"),
		cli.On(cli.Any(refused(gateway.CodeBusy), refused(gateway.CodeTooMany), refused(gateway.CodeUnavailable)), cli.Failed, "wait a little, then run the same command again"),
		cli.On(refused(gateway.CodeInUse), cli.Failed, "delete the serial policies that name it first: 'store-admin list serial-policies' shows them"),
		cli.On(refused(gateway.CodeExists), cli.Failed, "'store-admin list' shows what is there; 'update model' changes an API key"),
		cli.On(refused(gateway.CodeNotFound), cli.Gaps, "'store-admin list keys' and 'list models' show what is there"),
		cli.On(cli.As[*noKeyError], cli.Gaps, "'store-admin list keys' shows the keys"),
		cli.On(cli.As[*noModelError], cli.Gaps, "'store-admin list models' shows the models"),
		cli.On(cli.As[*lostKeyError], cli.Failed, "run the same command again: it takes the key that was made"),
		cli.On(cli.As[*otherRequestError], cli.Untrusted, "see the log of the store: its token did not sign this"),
		cli.On(cli.Is(errNotDeleted), cli.Failed, ""),
	}
}

// isUnknown reports that a store knows no brand.
func isUnknown(err error) bool {
	e, ok := errors.AsType[*brandsError](err)
	return ok && len(e.known) == 0
}
