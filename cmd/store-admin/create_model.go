package main

import (
	"crypto/rand"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"offlinestore/cmd/internal/cli"
	gateway "offlinestore/server/gateway/api"
)

// apiKeyOptions are the flags that give the API key of a model.
type apiKeyOptions struct {
	key, file      string
	none, generate bool
}

func (o *apiKeyOptions) addFlags(f *pflag.FlagSet) {
	f.StringVar(&o.key, "api-key", "", "the API `KEY`; other users of this host can see it meanwhile")
	f.StringVar(&o.file, "api-key-file", "", "read the API key from a `file`, or from standard input (-)")
	f.BoolVar(&o.generate, "generate-api-key", false, "make a random API key, and print it")
	f.BoolVar(&o.none, "no-api-key", false, "devices need no API key")
}

// apiKeyHelp explains the flags.
const apiKeyHelp = `
Devices show the API key, which their gadget has with its device service. It is a secret.
--generate-api-key makes one; --api-key-file and standard input keep it from the list of
processes, and --api-key does not. --no-api-key is for gadgets without a device service:
then whoever reaches the store and has the model assertion gets serials.
`

// validate reports flags that contradict each other.
func (o *apiKeyOptions) validate(f *pflag.FlagSet) error {
	given := 0
	for _, name := range []string{"api-key", "api-key-file", "generate-api-key", "no-api-key"} {
		if f.Changed(name) {
			given++
		}
	}
	if given > 1 {
		return cli.Usagef("--api-key, --api-key-file, --generate-api-key and --no-api-key exclude each other")
	}
	if f.Changed("api-key") {
		fmt.Fprintln(os.Stderr, "Warning: every user of this host can see the API key in the list of processes: use --api-key-file")
	}
	return nil
}

// read returns the API key, or nil for none. It asks for it if no flag gives it.
func (o *apiKeyOptions) read() (*string, error) {
	var key string
	var err error
	switch {
	case o.none:
		return nil, nil
	case o.generate:
		key = newAPIKey()
	case o.key != "":
		key = o.key
	case o.file != "":
		var text []byte
		text, err = cli.ReadFile(o.file, maxAPIKey)
		key = strings.TrimSuffix(string(text), "\n")
	case !cli.IsTerminal(os.Stdin):
		return nil, cli.Usagef("there is no terminal to ask for the API key: give --api-key-file, --generate-api-key or --no-api-key")
	default:
		key, err = cli.Ask("API key (alphanumeric, `pwgen 40` for options): ")
	}
	if err != nil {
		return nil, err
	}
	if !isAlphanumeric(key) {
		return nil, cli.Usagef("the API key must have letters and digits only, at least one; --no-api-key makes a model without one")
	}
	return &key, nil
}

// maxAPIKey bounds a file with an API key, in bytes.
const maxAPIKey = 4 << 10

func isAlphanumeric(s string) bool {
	for _, r := range s {
		if (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') {
			return false
		}
	}
	return s != ""
}

// newAPIKey returns a random API key, as long as the ones of pwgen 40.
func newAPIKey() string { return rand.Text() + rand.Text()[:14] }

func newCreateModel() *cobra.Command {
	var o offlineOptions
	var key apiKeyOptions
	c := &cobra.Command{
		Use:   "model NAME",
		Short: "Create a model whose devices an air-gapped store registers",
		Long: `Create a model of a brand. NAME is the model of the model assertion. Devices get serials
once 'store-admin create serial-policy' has named the key that signs them.
` + apiKeyHelp + storeHelp + cli.ExitHelp,
		Example: `  store-admin create model pump-3000
  store-admin create model pump-3000 --generate-api-key
  pwgen 40 1 | store-admin create model pump-3000 --api-key-file -
  store-admin create model pump-3000 --no-api-key`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := key.validate(c.Flags()); err != nil {
				return err
			}
			return runCreateModel(c, &o, &key, args[0])
		},
	}
	o.addFlags(c.Flags())
	key.addFlags(c.Flags())
	return c
}

func runCreateModel(c *cobra.Command, o *offlineOptions, k *apiKeyOptions, name string) error {
	return k.run(c, o, name, "created", func(s *brandStore, key *string) (*gateway.Model, error) {
		return s.CreateModel(c.Context(), s.brand, gateway.CreateModelRequest{Name: name, APIKey: key})
	})
}

// run sends a model with its API key, and prints the answer.
func (k *apiKeyOptions) run(c *cobra.Command, o *offlineOptions, name, done string, send func(*brandStore, *string) (*gateway.Model, error)) error {
	if err := validatePart("model", name); err != nil {
		return err
	}
	s, err := o.openBrand(c.Context())
	if err != nil {
		return err
	}
	key, err := k.read()
	if err != nil {
		return err
	}
	m, err := send(s, key)
	if err != nil {
		return err
	}
	return k.report(c, o, m, fmt.Sprintf("Model '%s' %s.", cli.Clean(m.Name), done))
}

// report prints a model that was created or changed, with an API key that was made for it.
func (k *apiKeyOptions) report(c *cobra.Command, o *offlineOptions, m *gateway.Model, said string) error {
	if o.json {
		return cli.PrintJSON(c.OutOrStdout(), m)
	}
	if k.generate && m.APIKey != nil {
		said = "API key: " + cli.Clean(*m.APIKey) + "\n" + said
	}
	_, err := fmt.Fprintln(c.OutOrStdout(), said)
	return err
}
