package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"offlinestore/account"
	"offlinestore/cmd/internal/cli"
	"offlinestore/upstream"
)

// loginLife is the longest time for which a login at the Snap Store lasts. The time is snapcraft's.
const loginLife = 365 * 24 * time.Hour

// permissions are the permissions that an export needs: to read private snaps, and the stores of the account.
var permissions = []string{"package_access", "store_admin"}

// runLogin logs in at the Snap Store.
func runLogin(c *cobra.Command, o loginOptions) error {
	l, err := o.logIn(c, permissions, loginLife)
	if err != nil {
		return err
	}
	dir, err := loginsDir()
	if err != nil {
		return err
	}
	if err := l.Save(c.Context(), dir); err != nil {
		return err
	}
	for _, name := range account.Variables {
		if os.Getenv(name) != "" {
			fmt.Fprintf(os.Stderr, "Warning: %s is set, and is used in place of this login\n", name)
			break
		}
	}
	return o.confirm(c, o.services.ssoURL)
}

// logIn asks for the password, and returns a new login at the Snap Store with some permissions. The login is not kept.
func (o *loginOptions) logIn(c *cobra.Command, permissions []string, life time.Duration) (*account.Login, error) {
	if os.Getenv("SNAPCRAFT_STORE_AUTH") == "candid" {
		return nil, errCandidWanted
	}
	o.services.complete()
	dashboard, err := o.services.client(o.services.dashboardURL, nil)
	if err != nil {
		return nil, err
	}
	sso, err := o.services.client(o.services.ssoURL, nil)
	if err != nil {
		return nil, err
	}
	if o.email == "" {
		if o.email, err = cli.Ask("E-mail address: "); err != nil || o.email == "" {
			return nil, cli.Usagef("login: name your account: store-admin login EMAIL")
		}
	}
	req := upstream.MacaroonRequest{Permissions: permissions, Description: "store-admin", Expires: time.Now().UTC().Add(life).Truncate(time.Second)}
	root, caveat, err := dashboard.RequestMacaroon(c.Context(), req, sso.Host())
	if err != nil {
		return nil, cli.At(atLogin, err)
	}
	discharge, err := o.discharge(c, sso, caveat)
	if err != nil {
		return nil, err
	}
	l := o.services.login()
	l.Email, l.Root, l.Discharge = o.email, root, discharge
	return &l, nil
}

// discharge asks for the passwords, and Ubuntu SSO for the discharge. On a terminal, it asks for a one-time password if the account needs one.
func (o *loginOptions) discharge(c *cobra.Command, sso *upstream.Client, caveat string) (string, error) {
	password, otp, err := o.readPasswords()
	if err != nil {
		return "", err
	}
	req := upstream.DischargeRequest{Email: o.email, Password: password, OTP: strings.TrimSpace(otp), CaveatID: caveat}
	discharge, err := sso.Discharge(c.Context(), req)
	if refused, ok := errors.AsType[*upstream.LoginError](err); ok && refused.Reason == upstream.ReasonNeedsOTP && cli.IsTerminal(os.Stdin) {
		if req.OTP, err = cli.AskSecret("One-time password: "); err != nil {
			return "", err
		}
		discharge, err = sso.Discharge(c.Context(), req)
	}
	return discharge, cli.At(atLogin, err)
}
