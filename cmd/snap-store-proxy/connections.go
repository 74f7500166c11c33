package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"syscall"

	"github.com/spf13/cobra"

	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
)

// errConnections says that something that devices need can't be reached.
var errConnections = errors.New("not all connections work")

// connection is a connection as it is printed, with the hint for a failed one.
type connection struct {
	instance.Connection
	Hint string `json:"hint,omitempty"`
}

func newCheckConnections(dir *instance.Dir) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "check-connections",
		Short: "See whether devices can reach this store",
		Long: `Make the connections that the store needs: to its database and, in the way that
devices do it, to itself: proxy.domain is looked up, its certificate is verified
with the system's authorities and the store's own, and serve and the registry must
answer. Run it where 'serve' runs. There is nothing outside to be checked: this
store never connects to the internet.`,
		Example: "  snap-store-proxy check-connections\n  snap-store-proxy check-connections --json",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			all, err := makeConnections(c.Context(), dir)
			if err != nil && all == nil {
				return err
			}
			if asJSON {
				err = errors.Join(err, cli.PrintJSON(c.OutOrStdout(), map[string]any{"connections": all}))
			} else {
				printConnections(c.OutOrStdout(), all)
			}
			return err
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func printConnections(w io.Writer, all []connection) {
	for _, c := range all {
		mark := "ok"
		if !c.OK {
			mark = "failed"
		}
		fmt.Fprintf(w, "%s: %s: %s: %s\n", c.Name, c.Target, mark, cli.Clean(c.Detail))
		if c.Hint != "" {
			fmt.Fprintf(w, "  hint: %s\n", cli.Clean(c.Hint))
		}
	}
}

// makeConnections makes all connections. If one of them fails, it returns them with an error.
func makeConnections(ctx context.Context, dir *instance.Dir) ([]connection, error) {
	made, failed := dir.Connections(ctx, options())
	var all []connection
	for _, c := range made {
		all = append(all, connection{c, connectionHint(c)})
		if !c.OK && failed == nil {
			failed = errConnections
		}
	}
	return all, failed
}

// connectionHint returns what an operator can do about a failed connection.
func connectionHint(c instance.Connection) string {
	refused := errors.Is(c.Err, syscall.ECONNREFUSED)
	switch {
	case c.OK, c.Name == instance.ConnectionDatabase:
		return "" // the error of the whole command has it
	case c.Name == instance.ConnectionServerDatabase:
		_, hint := hints().Find(c.Err)
		return hint
	case errors.Is(c.Err, instance.ErrNoDomain):
		return "set the name that devices know this host by: 'snap-store-proxy config proxy.domain=HOST'"
	case c.Name == instance.ConnectionName:
		return "give the name to the DNS that devices use, or to /etc/hosts here and there"
	case errors.Is(c.Err, http.ErrSchemeMismatch):
		return "restart 'snap-store-proxy serve': the first certificate counts from then on"
	case refused && c.Name == instance.ConnectionHTTPS:
		return "see that 'snap-store-proxy serve' runs and was restarted after the first certificate, or that the balancer before it does; a port other than 443 belongs into proxy.domain"
	case refused:
		return "see that 'snap-store-proxy serve' runs, and that the port, unless it is the usual one, is in proxy.domain"
	case errors.Is(c.Err, context.DeadlineExceeded):
		return "see whether a firewall is in between, and whether the name leads to this host"
	case isUnknownAuthority(c.Err):
		return "devices must be told its authority: import the certificate again with its root ('import-certificate')"
	case isInvalidCertificate(c.Err):
		return "import a certificate that is for this name, and valid now ('import-certificate')"
	}
	return ""
}

func isUnknownAuthority(err error) bool {
	var unknown x509.UnknownAuthorityError
	return errors.As(err, &unknown)
}

func isInvalidCertificate(err error) bool {
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	return errors.As(err, &name) || errors.As(err, &invalid)
}
