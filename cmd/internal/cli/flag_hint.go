package cli

import (
	"errors"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"offlinestore/nearest"
)

// flagHint returns the hint for an error about the flags of a command.
func flagHint(c *cobra.Command, err error) string {
	see := "see '" + c.CommandPath() + " --help'"
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		return see
	}
	word := unknown.GetSpecifiedName()
	if group := unknown.GetSpecifiedShortnames(); group != "" {
		word = group // -channel
	}
	var names []string
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden && f.Deprecated == "" {
			names = append(names, f.Name)
		}
	})
	if near := nearest.Word(word, names); near != "" && len(word) > 1 {
		return "did you mean --" + near + "? " + see
	}
	return see
}
