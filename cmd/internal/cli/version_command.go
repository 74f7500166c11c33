package cli

import (
	"fmt"

	"github.com/spf13/cobra"
)

// NewVersion returns the command that prints the version, as --version does.
func NewVersion(program string) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:     "version",
		Short:   "Print the version of this program",
		Example: "  " + program + " version",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if asJSON {
				return PrintJSON(c.OutOrStdout(), map[string]string{"program": program, "version": Version()})
			}
			_, err := fmt.Fprintf(c.OutOrStdout(), "%s version %s\n", program, Version())
			return err
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}
