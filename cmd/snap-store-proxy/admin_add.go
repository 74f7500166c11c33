package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"offlinestore/catalog"
	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
	"offlinestore/server/admin"
)

// maxTokenDays bounds the life of a token that can be used again and again.
const maxTokenDays = 366

// addAdminOptions are the flags of add-admin.
type addAdminOptions struct {
	stdin, token bool
	days         int
	roles        []string
}

func newAddAdmin(dir *instance.Dir) *cobra.Command {
	var o addAdminOptions
	c := &cobra.Command{
		Use:   "add-admin EMAIL",
		Short: "Add an admin who may administer this store remotely, or change the password or the roles",
		Long: `Add an admin who may administer this store from another machine, at
proxy.admin.listen. The command asks for the password, or reads it from standard
input. With --token, it prints a token instead, which can be used to log in once,
within 24 hours, or with --days again and again. The token is a password, and also
a macaroon for STORE_ADMIN_TOKEN. For an existing admin, the command changes the
password and ends all logins.

Each admin may read. An operator may override channels, a model-administrator may
change keys, models and serial policies, and a viewer may change nothing. A new
admin is an operator unless --role tells otherwise. With --role and no other flag,
the command changes only the roles of an existing admin, whose logins go on.`,
		Example: "  snap-store-proxy add-admin jo@example.internal\n  snap-store-proxy add-admin jo@example.internal --token\n" +
			"  snap-store-proxy add-admin jo@example.internal --role model-administrator --role operator\n" +
			"  snap-store-proxy add-admin ci@example.internal --role model-administrator --token --days 30",
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return runAddAdmin(c, dir, o, args[0]) },
	}
	f := c.Flags()
	f.BoolVar(&o.stdin, "password-stdin", false, "read the password from standard input: one line")
	f.BoolVar(&o.token, "token", false, "print a token for one login instead of a password")
	f.IntVar(&o.days, "days", 0, "let the token be used again and again for this `number` of days")
	f.StringSliceVar(&o.roles, "role", nil, "`role` of the admin: "+strings.Join(catalog.Roles(), ", ")+"; repeatable")
	c.MarkFlagsMutuallyExclusive("password-stdin", "token")
	_ = c.RegisterFlagCompletionFunc("role", cobra.FixedCompletions(catalog.Roles(), cobra.ShellCompDirectiveNoFileComp))
	return c
}

func runAddAdmin(c *cobra.Command, dir *instance.Dir, o addAdminOptions, name string) error {
	if err := o.validate(); err != nil {
		return err
	}
	if len(o.roles) > 0 && !o.token && !o.stdin {
		done, err := changeRoles(c, dir, name, o.roles)
		if done || err != nil {
			return err
		}
	}
	email, err := admin.ValidateEmail(name)
	if err != nil {
		return cli.Usagef("%w", err)
	}
	a := catalog.Admin{Email: email, Roles: o.roles}
	if o.token {
		return addWithToken(c, dir, a, o.days)
	}
	password, err := askPassword(os.Stdin, email, o.stdin)
	if err != nil {
		return err
	}
	a.Secret = admin.HashPassword(password)
	if err := addAdmin(c, dir, a); err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.OutOrStdout(), "%s may administer this store.\n", email)
	return err
}

// validate checks the flags, and sorts the roles.
func (o *addAdminOptions) validate() error {
	for _, r := range o.roles {
		if !slices.Contains(catalog.Roles(), r) {
			return cli.Usagef("--role %.80q: want one of %s", r, strings.Join(catalog.Roles(), ", "))
		}
	}
	slices.Sort(o.roles)
	o.roles = slices.Compact(o.roles)
	switch {
	case o.days != 0 && !o.token:
		return cli.Usagef("--days is for --token")
	case o.days < 0 || o.days > maxTokenDays:
		return cli.Usagef("--days %d: want 1 to %d", o.days, maxTokenDays)
	}
	return nil
}

// changeRoles changes the roles of an existing admin. It returns false if there is none of the name.
func changeRoles(c *cobra.Command, dir *instance.Dir, name string, roles []string) (done bool, err error) {
	err = withInstance(c.Context(), dir, func(in *instance.Instance) error {
		return in.Catalog.SetRoles(c.Context(), adminName(name), roles)
	})
	switch {
	case errors.Is(err, catalog.ErrNoAdmin):
		return false, nil
	case err != nil:
		return false, err
	}
	_, err = fmt.Fprintf(c.OutOrStdout(), "%s has the roles: %s. The password and the logins stay.\n", adminName(name), strings.Join(roles, ", "))
	return true, err
}

// adminName returns the name of an admin: an email, or the ID of an account of the Snap Store as it is.
func adminName(name string) string {
	if email, err := admin.ValidateEmail(name); err == nil {
		return email
	}
	return name
}

func addWithToken(c *cobra.Command, dir *instance.Dir, a catalog.Admin, days int) error {
	token, err := admin.NewToken(a.Email)
	if err != nil {
		return err
	}
	until := time.Now().Add(admin.TokenLife)
	use := "one login by " + a.Email
	if days > 0 {
		until, use = time.Now().AddDate(0, 0, days), "all logins by "+a.Email
	}
	a.Secret, a.Once, a.ExpiresAt = admin.HashPassword(token), days == 0, &until
	if err := addAdmin(c, dir, a); err != nil {
		return err
	}
	fmt.Fprintf(c.ErrOrStderr(), "The token is the password of %s, until %s.\n", use, until.UTC().Format(time.RFC3339))
	_, err = fmt.Fprintln(c.OutOrStdout(), token)
	return err
}

// askPassword asks twice, because nobody sees the typed text.
func askPassword(in io.Reader, email string, stdin bool) (password string, err error) {
	if stdin {
		if password, err = cli.ReadSecret(in); err != nil {
			return "", err
		}
	} else {
		if password, err = cli.AskSecret("Password for " + email + ": "); err != nil {
			return "", cli.At(askingPassword, err)
		}
		again, err := cli.AskSecret("Once more: ")
		if err != nil {
			return "", err
		}
		if again != password {
			return "", errors.New("the passwords differ")
		}
	}
	if err := admin.ValidatePassword(password); err != nil {
		return "", cli.Usagef("%w", err)
	}
	return password, nil
}

func addAdmin(c *cobra.Command, dir *instance.Dir, a catalog.Admin) error {
	return withInstance(c.Context(), dir, func(in *instance.Instance) error { return in.AddAdmin(c.Context(), a) })
}
