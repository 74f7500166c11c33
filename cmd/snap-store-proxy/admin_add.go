package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"offlinestore/catalog"
	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
	"offlinestore/server/admin"
)

func newAddAdmin(dir *instance.Dir) *cobra.Command {
	var stdin, token bool
	c := &cobra.Command{
		Use:   "add-admin EMAIL",
		Short: "Add an admin who may administer this store remotely, or change the password",
		Long: `Add an admin who may administer this store from another machine, at
proxy.admin.listen. The command asks for the password, or reads it from standard
input. With --token, it prints a token instead, which can be used to log in once,
within 24 hours. For an existing admin, it changes the password and ends all
logins.`,
		Example: "  snap-store-proxy add-admin jo@example.internal\n  snap-store-proxy add-admin jo@example.internal --token",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			email, err := admin.ValidateEmail(args[0])
			if err != nil {
				return cli.Usagef("%w", err)
			}
			a := catalog.Admin{Email: email}
			if token {
				return addWithToken(c, dir, a)
			}
			password, err := askPassword(os.Stdin, email, stdin)
			if err != nil {
				return err
			}
			a.Secret = admin.HashPassword(password)
			if err := addAdmin(c, dir, a); err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "%s may administer this store.\n", email)
			return err
		},
	}
	c.Flags().BoolVar(&stdin, "password-stdin", false, "read the password from standard input: one line")
	c.Flags().BoolVar(&token, "token", false, "print a token for one login instead of a password")
	c.MarkFlagsMutuallyExclusive("password-stdin", "token")
	return c
}

func addWithToken(c *cobra.Command, dir *instance.Dir, a catalog.Admin) error {
	token, err := admin.NewToken(a.Email)
	if err != nil {
		return err
	}
	until := time.Now().Add(admin.TokenLife)
	a.Secret, a.Once, a.ExpiresAt = admin.HashPassword(token), true, &until
	if err := addAdmin(c, dir, a); err != nil {
		return err
	}
	fmt.Fprintf(c.ErrOrStderr(), "The token is the password of one login by %s, until %s.\n", a.Email, until.UTC().Format(time.RFC3339))
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
