package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"offlinestore/catalog"
	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
	"offlinestore/instance/settings"
	"offlinestore/server/admin"
)

func newAdmins(dir *instance.Dir) []*cobra.Command {
	return []*cobra.Command{newAddAdmin(dir), newRemoveAdmin(dir), newListAdmins(dir)}
}

func newAddAdmin(dir *instance.Dir) *cobra.Command {
	var stdin, token bool
	c := &cobra.Command{
		Use:   "add-admin EMAIL",
		Short: "Let somebody administer this store from elsewhere, or change the password",
		Long: `Let somebody administer this store from another machine, at proxy.admin.listen.
The password is asked for, or read from standard input. With --token, a token is
printed instead, which can be used to log in once, within 24 hours. For an admin
that there is already, this changes the password and ends all logins.`,
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
	token, until := admin.NewToken(), time.Now().Add(admin.TokenLife)
	a.Secret, a.Once, a.ExpiresAt = admin.HashPassword(token), true, &until
	if err := addAdmin(c, dir, a); err != nil {
		return err
	}
	fmt.Fprintf(c.ErrOrStderr(), "The token is the password of one login by %s, until %s.\n", a.Email, until.UTC().Format(time.RFC3339))
	_, err := fmt.Fprintln(c.OutOrStdout(), token)
	return err
}

// askPassword asks twice, since nobody sees what is typed.
func askPassword(in io.Reader, email string, stdin bool) (password string, err error) {
	if stdin {
		if password, err = cli.ReadSecret(in); err != nil {
			return "", err
		}
	} else {
		if password, err = cli.AskSecret("Password for " + email + ": "); err != nil {
			return "", cli.Hint(err, "give the password on standard input with --password-stdin, or have a --token made")
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
	return withInstance(c.Context(), dir, func(in *instance.Instance) error {
		if err := in.Catalog.PutAdmin(c.Context(), a); err != nil {
			return err
		}
		return nameAdmins(in.Settings, func(list []string) []string {
			if slices.Contains(list, a.Email) {
				return list
			}
			return append(list, a.Email)
		})
	})
}

// nameAdmins keeps proxy.admin-emails, where the original has them.
func nameAdmins(s *settings.Settings, change func([]string) []string) error {
	return s.Set(map[string]string{settings.AdminEmails: settings.FormatList(change(s.Values().AdminEmails))})
}

func newRemoveAdmin(dir *instance.Dir) *cobra.Command {
	return &cobra.Command{
		Use:     "remove-admin EMAIL",
		Short:   "Take the right to administer this store from somebody, and end all logins",
		Example: "  snap-store-proxy remove-admin jo@example.internal",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			email, err := admin.ValidateEmail(args[0])
			if err != nil {
				return cli.Usagef("%w", err)
			}
			return withInstance(c.Context(), dir, func(in *instance.Instance) error {
				// The one that the original's settings named has no password here until add-admin.
				removed := in.Catalog.RemoveAdmin(c.Context(), email)
				if removed != nil && !errors.Is(removed, catalog.ErrNoAdmin) {
					return removed
				}
				named := false
				err := nameAdmins(in.Settings, func(list []string) []string {
					named = slices.Contains(list, email)
					return slices.DeleteFunc(list, func(e string) bool { return e == email })
				})
				if err != nil || removed != nil && !named {
					return errors.Join(err, cli.Hint(removed, "'snap-store-proxy list-admins' lists them"))
				}
				_, err = fmt.Fprintf(c.OutOrStdout(), "%s may no longer administer this store.\n", email)
				return err
			})
		},
	}
}

// adminRow is what is said of an admin.
type adminRow struct {
	Email   string    `json:"email"`
	AddedAt time.Time `json:"added-at"`
	Login   string    `json:"login"`
}

func newListAdmins(dir *instance.Dir) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:     "list-admins",
		Short:   "List who may administer this store from elsewhere",
		Example: "  snap-store-proxy list-admins",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return withInstance(c.Context(), dir, func(in *instance.Instance) error {
				list, err := in.Catalog.Admins(c.Context())
				if err != nil {
					return err
				}
				return printAdmins(c.OutOrStdout(), list, asJSON)
			})
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func printAdmins(w io.Writer, list []catalog.Admin, asJSON bool) error {
	rows := []adminRow{}
	for _, a := range list {
		login := "password"
		switch {
		case a.Secret == "":
			login = "token, used"
		case a.Once && a.ExpiresAt != nil:
			login = "token, until " + a.ExpiresAt.UTC().Format(time.RFC3339)
		}
		rows = append(rows, adminRow{a.Email, a.AddedAt.UTC(), login})
	}
	if asJSON {
		return cli.PrintJSON(w, rows)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "Email\tAdded\tLogin")
	for _, r := range rows {
		fmt.Fprintf(t, "%s\t%s\t%s\n", cli.Clean(r.Email), r.AddedAt.Format(time.RFC3339), r.Login)
	}
	return t.Flush()
}
