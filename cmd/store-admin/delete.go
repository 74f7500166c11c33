package main

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"offlinestore/cmd/internal/cli"
	gateway "offlinestore/server/gateway/api"
)

func newDelete() *cobra.Command {
	c := &cobra.Command{
		Use:   "delete",
		Short: "Delete keys, models and serial policies of an air-gapped store",
		Long: `Delete what 'store-admin create' has created in an air-gapped store. Each command asks
first; --yes answers. Serials that devices have stay valid, and stay in the log.
` + storeHelp + cli.ExitHelp,
		Example: "  store-admin delete serial-policy pump-3000 3\n  store-admin delete model pump-3000\n  store-admin delete key serials-2025 --yes",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newDeleteKey(), newDeleteModel(), newDeleteSerialPolicy(), newDeleteRemodel())
	return c
}

// deleteOptions are the flags of deletions.
type deleteOptions struct {
	offlineOptions
	yes bool
}

// errNotDeleted means that the answer to the question was no.
var errNotDeleted = errors.New("nothing was deleted")

// newDeletion returns a command that deletes one thing. run finds it, asks with confirm, and returns the line about it.
func newDeletion(use, short, long, example string, args int, run func(c *cobra.Command, o *deleteOptions, args []string) (string, any, error)) *cobra.Command {
	var o deleteOptions
	c := &cobra.Command{
		Use: use, Short: short, Long: long + storeHelp + cli.ExitHelp, Example: example, Args: cobra.ExactArgs(args),
		RunE: func(c *cobra.Command, args []string) error {
			said, result, err := run(c, &o, args)
			if err != nil {
				return err
			}
			if o.json {
				return cli.PrintJSON(c.OutOrStdout(), result)
			}
			_, err = fmt.Fprintln(c.OutOrStdout(), said)
			return err
		},
	}
	o.addFlags(c.Flags())
	c.Flags().BoolVar(&o.yes, "yes", false, "do not ask")
	return c
}

// confirm asks whether something is to be deleted.
func (o *deleteOptions) confirm(question string) error {
	if o.yes {
		return nil
	}
	yes, err := cli.Confirm(cli.Clean(question))
	if err == nil && !yes {
		err = errNotDeleted
	}
	return err
}

// deleted is the result of a deletion.
type deleted struct {
	Key      string `json:"sha3-384,omitempty"`
	Name     string `json:"name,omitempty"`
	Model    string `json:"model,omitempty"`
	Revision int    `json:"revision,omitempty"`
}

func newDeleteKey() *cobra.Command {
	return newDeletion("key NAME|SHA3-384", "Delete a key from the token",
		"Delete a key of a brand from the token of an air-gapped store. No backup brings it back. A key that\na serial policy names stays.\n",
		"  store-admin delete key serials-2025\n  store-admin delete key serials-2025 --yes", 1,
		func(c *cobra.Command, o *deleteOptions, args []string) (string, any, error) {
			s, err := o.openBrand(c.Context())
			if err != nil {
				return "", nil, err
			}
			k, err := s.findKey(c.Context(), args[0])
			if err != nil {
				return "", nil, err
			}
			if err := o.confirm(fmt.Sprintf("Delete the signing key '%s' (%s) from the token? No backup brings it back.", k.Name, k.SHA3384)); err != nil {
				return "", nil, err
			}
			err = s.DeleteSigningKey(c.Context(), s.brand, k.SHA3384)
			return fmt.Sprintf("Signing key '%s' deleted.", cli.Clean(k.Name)), deleted{Key: k.SHA3384, Name: k.Name}, err
		})
}

func newDeleteModel() *cobra.Command {
	return newDeletion("model NAME", "Delete a model, with its policies",
		"Delete a model of a brand from an air-gapped store, with its serial policies. Its devices get no\nserials any more. The ones that they have stay valid, and stay in the log.\n",
		"  store-admin delete model pump-3000\n  store-admin delete model pump-3000 --yes", 1,
		func(c *cobra.Command, o *deleteOptions, args []string) (string, any, error) {
			if err := validatePart("model", args[0]); err != nil {
				return "", nil, err
			}
			s, err := o.openBrand(c.Context())
			if err != nil {
				return "", nil, err
			}
			if err := o.confirm(fmt.Sprintf("Delete the model '%s' and its serial policies? Its devices get no serials any more.", args[0])); err != nil {
				return "", nil, err
			}
			err = s.DeleteModel(c.Context(), s.brand, args[0])
			return fmt.Sprintf("Model '%s' deleted.", cli.Clean(args[0])), deleted{Name: args[0]}, err
		})
}

func newDeleteSerialPolicy() *cobra.Command {
	return newDeletion("serial-policy MODEL REVISION", "Delete a revision of a serial policy",
		"Delete a revision of the serial policy of a model. If it was the active one, the one before becomes\nactive; without one, devices get no serials.\n",
		"  store-admin delete serial-policy pump-3000 3\n  store-admin delete serial-policy pump-3000 3 --yes", 2,
		func(c *cobra.Command, o *deleteOptions, args []string) (string, any, error) {
			if err := validatePart("model", args[0]); err != nil {
				return "", nil, err
			}
			revision, err := strconv.Atoi(args[1])
			if err != nil || revision < 1 {
				return "", nil, cli.Usagef("%.20q: this is no revision: 'store-admin list serial-policies %s' prints them", args[1], cli.Clean(args[0]))
			}
			s, err := o.openBrand(c.Context())
			if err != nil {
				return "", nil, err
			}
			if err := o.confirm(fmt.Sprintf("Delete revision %d of the serial policy of model '%s'?", revision, args[0])); err != nil {
				return "", nil, err
			}
			err = s.DeleteSerialPolicy(c.Context(), s.brand, args[0], revision)
			return fmt.Sprintf("Serial policy %d of model '%s' deleted.", revision, cli.Clean(args[0])), deleted{Model: args[0], Revision: revision}, err
		})
}

func newDeleteRemodel() *cobra.Command {
	var r remodelOptions
	c := newDeletion("remodel", "Allow devices no longer to become another model",
		"Take an entry from the allow-list of remodels. Devices that have become the other model stay so.\n",
		"  store-admin delete remodel --from pump-3000 --to pump-4000\n  store-admin delete remodel --from pump-3000 --to pump-4000 --serial A1234 --yes", 0,
		func(c *cobra.Command, o *deleteOptions, _ []string) (string, any, error) {
			e, err := r.entry()
			if err != nil {
				return "", nil, err
			}
			s, err := o.openBrand(c.Context())
			if err != nil {
				return "", nil, err
			}
			if err := o.confirm(fmt.Sprintf("%s may become '%s' now. Delete this?", describeDevices(e), e.ToModel)); err != nil {
				return "", nil, err
			}
			list, err := s.DisallowRemodels(c.Context(), s.brand, []gateway.RemodelEntry{e})
			return fmt.Sprintf("%s may no longer become '%s'.", cli.Clean(describeDevices(e)), cli.Clean(e.ToModel)), list, err
		})
	r.addFlags(c.Flags())
	return c
}
