package main

import (
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"offlinestore/blob"
	"offlinestore/bundle"
	"offlinestore/cmd/internal/cli"
	"offlinestore/keyring"
)

func newKey() *cobra.Command {
	c := &cobra.Command{
		Use:     "key",
		Short:   "Manage the keys that bundles are signed with",
		Long:    "Bundles are signed, by default with the key named default, which the first export makes.\nThe air-gapped host imports only bundles that were signed with a key that it trusts.\n" + cli.ExitHelp,
		Example: "  store-admin key list",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newKeyGenerate(), newKeyList(), newKeyExport(), newKeyImport())
	return c
}

// keyName returns the optional argument of the key commands.
func keyName(args []string) string {
	if len(args) > 0 {
		return args[0]
	}
	return defaultKey
}

func newKeyGenerate() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:     "generate [NAME]",
		Short:   "Make an Ed25519 key",
		Long:    "Make an Ed25519 key and print its fingerprint. An existing key is never replaced.\n" + cli.ExitHelp,
		Example: "  store-admin key generate\n  store-admin key export --output exporter.pem",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			k, err := openKeyring()
			if err != nil {
				return err
			}
			key, err := k.Generate(keyName(args))
			if err != nil {
				return err
			}
			public, err := bundle.NewPublicKey(key.Public())
			if err != nil {
				return err
			}
			fmt.Fprint(c.ErrOrStderr(), trustAdvice(keyName(args)))
			if asJSON {
				return cli.PrintJSON(c.OutOrStdout(), keyRow{keyName(args), public.Algorithm(), public.ID()})
			}
			fmt.Fprintf(c.OutOrStdout(), "%s\n", public.ID())
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// trustAdvice returns the steps that make a key trusted on the other side.
func trustAdvice(name string) string {
	if name != defaultKey {
		name = " " + name
	} else {
		name = ""
	}
	return fmt.Sprintf(`To have bundles accepted, bring the public key to the air-gapped host once:
    store-admin key export%s --output exporter.pem (here)
    snap-store-proxy trust add exporter.pem       (there)
`, name)
}

func newKeyList() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:     "list",
		Short:   "List the keys with their fingerprints",
		Long:    "List the keys with their kinds and fingerprints.\n" + cli.ExitHelp,
		Example: "  store-admin key list",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return runKeyList(c.OutOrStdout(), asJSON) },
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// keyRow is the printed form of a key.
type keyRow struct {
	Name        string `json:"name"`
	Algorithm   string `json:"algorithm"`
	Fingerprint string `json:"fingerprint"`
}

func runKeyList(w io.Writer, asJSON bool) error {
	k, err := openKeyring()
	if err != nil {
		return err
	}
	names, err := k.Names()
	if err != nil {
		return err
	}
	rows := []keyRow{}
	for _, name := range names {
		key, err := k.Load(name)
		if err != nil {
			return err
		}
		public, err := bundle.NewPublicKey(key.Public())
		if err != nil {
			return err
		}
		rows = append(rows, keyRow{name, public.Algorithm(), public.ID()})
	}
	if asJSON {
		return cli.PrintJSON(w, rows)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "Name\tAlgorithm\tFingerprint")
	for _, r := range rows {
		fmt.Fprintf(t, "%s\t%s\t%s\n", r.Name, r.Algorithm, r.Fingerprint)
	}
	return t.Flush()
}

func newKeyExport() *cobra.Command {
	var output string
	c := &cobra.Command{
		Use:     "export [NAME]",
		Short:   "Print the public key, for 'snap-store-proxy trust add'",
		Long:    "Print the public key as PEM, or write it to a new file. The private key never leaves its\nfolder.\n" + cli.ExitHelp,
		Example: "  store-admin key export --output exporter.pem",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := cli.CheckOutput("output", output); err != nil {
				return err
			}
			k, err := openKeyring()
			if err != nil {
				return err
			}
			key, err := k.Load(keyName(args))
			if err != nil {
				return err
			}
			public, err := bundle.NewPublicKey(key.Public())
			if err != nil {
				return err
			}
			if output != "" {
				return blob.WriteFile(output, public.PEM(), blob.WriteOptions{Mode: 0o644, NoReplace: true})
			}
			_, err = c.OutOrStdout().Write(public.PEM())
			return err
		},
	}
	c.Flags().StringVar(&output, "output", "", "write to this new `FILE` instead of standard output")
	return c
}

func newKeyImport() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "import NAME FILE",
		Short: "Import a private key (PKCS #8 PEM: Ed25519, ECDSA P-256 or RSA)",
		Long:  "Import a private key under a name, to sign with '--key NAME'. An existing key is\nnever replaced.\n" + cli.ExitHelp,
		Example: `  openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:4096 -out rsa.pem
  store-admin key import company rsa.pem`,
		Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			text, err := cli.ReadFile(args[1], keyring.MaxKeySize)
			if err != nil {
				return err
			}
			key, err := keyring.ParsePrivateKey(text)
			if err != nil {
				return fmt.Errorf("import %s: %w", args[1], err)
			}
			k, err := openKeyring()
			if err != nil {
				return err
			}
			if err := k.Save(args[0], key); err != nil {
				return err
			}
			fmt.Fprint(os.Stderr, trustAdvice(args[0]))
			if !asJSON {
				return nil
			}
			public, err := bundle.NewPublicKey(key.Public())
			if err != nil {
				return err
			}
			return cli.PrintJSON(c.OutOrStdout(), keyRow{args[0], public.Algorithm(), public.ID()})
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}
