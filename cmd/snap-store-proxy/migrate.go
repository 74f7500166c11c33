package main

import (
	"github.com/spf13/cobra"

	"offlinestore/cmd/internal/advice"
	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
	"offlinestore/instance/settings"
)

// migrateOptions are the flags of migrate.
type migrateOptions struct {
	from   string
	asJSON bool
}

func newMigrate(dir *instance.Dir) *cobra.Command {
	var o migrateOptions
	c := &cobra.Command{
		Use:   "migrate [SETTINGS.yaml]",
		Short: "Show the steps of a migration from the original Enterprise Store",
		Long: `Show the steps by which this host replaces the original Enterprise Store
(snap-store-proxy), and mark the steps that are done. Nothing is changed.
SETTINGS.yaml is the output of the original's 'enterprise-store config
--export-yaml'. With it, the command also lists the settings that the migration
will take over, and the settings that have no meaning here.`,
		Example: "  snap-store-proxy migrate\n  enterprise-store config --export-yaml >original.yaml; snap-store-proxy migrate original.yaml",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			// The original's files are read with the rights of the caller.
			original := instance.Original{Assertion: instance.FindOriginalAssertion(o.from)}
			file := ""
			if len(args) == 1 {
				file = args[0]
				if err := readOriginalSettings(file, &original); err != nil {
					return err
				}
			}
			m, err := dir.Migration(c.Context(), options(), original)
			if err != nil {
				return err
			}
			g := advice.NewMigrationGuide(m, file)
			if o.asJSON {
				return cli.PrintJSON(c.OutOrStdout(), g)
			}
			g.Print(c.OutOrStdout())
			return nil
		},
	}
	c.Flags().StringVar(&o.from, "from", "", "`folder` of the original's data, if it is on this host (default: where its snap keeps it)")
	c.Flags().BoolVar(&o.asJSON, "json", false, "print JSON")
	return c
}

// readOriginalSettings reads a file that the original's config --export-yaml printed.
func readOriginalSettings(file string, original *instance.Original) error {
	text, err := cli.ReadFile(file, settings.MaxYAML)
	if err != nil {
		return err
	}
	if original.Settings, original.Ignored, err = settings.ParseYAML(text); err != nil {
		return cli.At(readingOriginal, &cli.Error{Code: cli.Usage, Err: err})
	}
	return nil
}
