package main

import (
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"offlinestore/cmd/internal/cli"
)

// loginOptions are the flags of login.
type loginOptions struct {
	url, ca      string
	passwordFile string
	stdin        bool
	acceptKey    bool
	email        string
	services     serviceOptions
}

// addFlags defines the flags.
func (o *loginOptions) addFlags(f *pflag.FlagSet) {
	o.addAccountFlags(f)
	f.StringVar(&o.url, "offline", "", "`URL` of an air-gapped store's administration")
	f.StringVar(&o.ca, "ca", "", "PEM `file` with the authority to verify an air-gapped store's certificate with (default: the system's)")
	f.BoolVar(&o.acceptKey, "accept-key", false, "accept the key that the air-gapped store has now, if it is another one than before")
}

// addAccountFlags defines the flags about the account, and the services of the Snap Store.
func (o *loginOptions) addAccountFlags(f *pflag.FlagSet) {
	f.StringVar(&o.email, "email", "", "`address` of the account, instead of the argument")
	f.BoolVar(&o.stdin, "password-stdin", false, "read the password from standard input")
	f.StringVar(&o.passwordFile, "password-file", "", "read the password from a `file`")
	o.services.addFlags(f)
}

// validate completes the flags with the argument, and reports wrong ones before anything is sent.
func (o *loginOptions) validate(args []string) error {
	switch {
	case len(args) > 0 && o.email != "":
		return cli.Usagef("login: give EMAIL or --email, not both")
	case len(args) > 0:
		o.email = args[0]
	}
	if err := o.validatePassword(); err != nil {
		return err
	}
	if o.url == "" && (o.ca != "" || o.acceptKey) {
		return cli.Usagef("login: --ca and --accept-key are about an air-gapped store: name it with --offline URL")
	}
	if o.url != "" && o.email == "" {
		return cli.Usagef("login: name your account there: store-admin login --offline %s EMAIL", cli.Clean(o.url))
	}
	return nil
}

// validatePassword completes the flags about the password.
func (o *loginOptions) validatePassword() error {
	if o.stdin && o.passwordFile != "" {
		return cli.Usagef("--password-stdin and --password-file exclude each other")
	}
	if o.stdin {
		o.passwordFile = "-"
	}
	return nil
}

// readPasswords asks for the password, or reads it and a one-time password from the file.
func (o *loginOptions) readPasswords() (password, otp string, err error) {
	if o.passwordFile != "" {
		return cli.ReadPasswords(o.passwordFile)
	}
	if password, err = cli.AskSecret("Password for " + cli.Clean(o.email) + ": "); err != nil {
		return "", "", &passwordError{err}
	}
	return password, "", nil
}

func (o *loginOptions) confirm(c *cobra.Command, where string) error {
	_, err := fmt.Fprintf(c.OutOrStdout(), "Logged in at %s as %s.\n", cli.Clean(where), cli.Clean(o.email))
	return err
}
