package main

import (
	"cmp"
	"regexp"

	"github.com/spf13/cobra"

	"offlinestore/assertion"
	"offlinestore/cmd/internal/cli"
	"offlinestore/exporter"
)

// maxModel bounds a file with a model in bytes.
const maxModel = 1 << 20

func newExportModel() *cobra.Command {
	var o snapOptions
	c := &cobra.Command{
		Use:   "model FILE",
		Short: "Export a model with everything that its devices and images need",
		Long: `Export a model assertion into one signed bundle, with all its snaps from their default
channels, their bases and other dependencies, their components, its validation sets with
the snaps at the revisions that they pin, the brand's account, and the key that signed the
model. With a login ('store-admin login'), the private snaps of the model's store come, too,
and with the role Admin there, the store itself. It takes models with a list of snaps, and older ones with a gadget, a kernel and
required snaps. The architecture is the model's.

The model is verified first. A snap that the store does not give is an error, which names
each; --keep-going leaves these out. A key that signs serials, and does not sign the model,
comes with 'store-admin export account-keys'.
` + cli.ExitHelp,
		Example: "  store-admin export model pump.model\n  store-admin export model pump.model --dry-run",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := o.validate(c.Flags().Changed); err != nil {
				return err
			}
			req, err := o.modelRequest(args[0])
			if err != nil {
				return err
			}
			return runExport(c.Context(), c.OutOrStdout(), &o.exportOptions, req)
		},
	}
	f := c.Flags()
	o.addFlags(f)
	f.StringArrayVar(&o.archs, "arch", nil, "`architecture` to export for, of a classic model that names none; repeatable")
	return c
}

// validArchiveName matches the names of models that a file may have.
var validArchiveName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]{0,99}$`)

// modelRequest returns the request for the model in a file.
func (o *snapOptions) modelRequest(path string) (req exporter.Request, err error) {
	a, err := readModel(path)
	if err != nil {
		return req, &modelFileError{path, err}
	}
	m, err := a.Model()
	if err != nil {
		return req, &modelFileError{path, err}
	}
	o.stores = true
	// A model is of no use without one of its snaps.
	req = exporter.Request{Models: []exporter.Model{{Assertion: a}}, Channels: []string{"stable"}, Architectures: unique(o.archs), NoIcons: o.noIcons,
		Withdrawn: exporter.WithdrawnMode(cmp.Or(o.withdrawn, string(exporter.WithdrawnError)))}
	switch {
	case m.Architecture == "" && len(o.archs) == 0:
		return req, cli.Usagef("the model %s names no architecture: give --arch", cli.Clean(m.Name))
	case m.Architecture != "" && len(o.archs) > 0:
		return req, cli.Usagef("the model %s is for %s: leave out --arch", cli.Clean(m.Name), cli.Clean(m.Architecture))
	case m.Architecture != "":
		req.Architectures = []string{m.Architecture}
	}
	if req.ValidationSets, err = exporter.ModelSets(m); err != nil {
		return req, &modelFileError{path, err}
	}
	if err := req.Validate(); err != nil {
		return req, cli.Usagef("%w", err)
	}
	o.archive = "model"
	if validArchiveName.MatchString(m.Name) {
		o.archive = "model-" + m.Name
	}
	return req, setExported(&req)
}

// readModel returns the one model in a file of assertions.
func readModel(path string) (model *assertion.Assertion, err error) {
	text, err := cli.ReadFile(path, maxModel)
	if err != nil {
		return nil, err
	}
	return exporter.ParseModel(text)
}
