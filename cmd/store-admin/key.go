package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"offlinestore/blob"
	"offlinestore/bundle"
	"offlinestore/cmd/internal/cli"
	"offlinestore/hsm"
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
	var uri string
	c := &cobra.Command{
		Use:   "generate [NAME]",
		Short: "Make an Ed25519 key, or an RSA key on a PKCS#11 token",
		Long: "Make an Ed25519 key and print its fingerprint. An existing key is never replaced.\nWith --pkcs11, the key is of RSA-4096, is made on the token, and cannot be read from there.\n" +
			pinHelp + cli.ExitHelp,
		Example: `  store-admin key generate
  store-admin key export --output exporter.pem
  store-admin key generate company --pkcs11 'pkcs11:token=exports?module-name=softhsm2'
  store-admin export snaps jq --key company`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if c.Flags().Changed("pkcs11") && uri == "" {
				return cli.Usagef("--pkcs11: it is empty")
			}
			public, err := generateKey(c.Context(), keyName(args), uri)
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
	c.Flags().StringVar(&uri, "pkcs11", "", "make the key on the token of this `URI` (RFC 7512)")
	return c
}

// generateKey makes a key in a file, or on a token.
func generateKey(ctx context.Context, name, uri string) (bundle.PublicKey, error) {
	k, err := openKeyring()
	if err != nil {
		return bundle.PublicKey{}, err
	}
	if uri != "" {
		return generateOnToken(ctx, k, name, uri)
	}
	key, err := k.Generate(name)
	if err != nil {
		return bundle.PublicKey{}, err
	}
	return bundle.NewPublicKey(key.Public())
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
		public, err := k.Public(name)
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
			public, err := publicKey(c.Context(), keyName(args))
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
		Use:   "import NAME FILE|URI",
		Short: "Import a private key (PKCS #8 PEM: Ed25519, ECDSA P-256 or RSA), or name one on a token",
		Long: "Import a private key under a name, to sign with '--key NAME'. An existing key is\nnever replaced. A key on a PKCS#11 token stays there: its URI is noted.\n" +
			pinHelp + cli.ExitHelp,
		Example: `  openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:4096 -out rsa.pem
  store-admin key import company rsa.pem
  store-admin key import company 'pkcs11:token=exports;object=company?pin-source=file:/etc/exports.pin'`,
		Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			public, err := importKey(c.Context(), args[0], args[1])
			if err != nil {
				return err
			}
			fmt.Fprint(os.Stderr, trustAdvice(args[0]))
			if !asJSON {
				return nil
			}
			return cli.PrintJSON(c.OutOrStdout(), keyRow{args[0], public.Algorithm(), public.ID()})
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// importKey imports a key from a file, or notes one on a token.
func importKey(ctx context.Context, name, source string) (bundle.PublicKey, error) {
	k, err := openKeyring()
	if err != nil {
		return bundle.PublicKey{}, err
	}
	if hsm.IsURI(source) {
		return importFromToken(ctx, k, name, source)
	}
	text, err := cli.ReadFile(source, keyring.MaxKeySize)
	if err != nil {
		return bundle.PublicKey{}, err
	}
	key, err := keyring.ParsePrivateKey(text)
	if err != nil {
		return bundle.PublicKey{}, fmt.Errorf("import %s: %w", source, err)
	}
	if err := k.Save(name, key); err != nil {
		return bundle.PublicKey{}, err
	}
	return bundle.NewPublicKey(key.Public())
}
