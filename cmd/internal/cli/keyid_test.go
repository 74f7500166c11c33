package cli

import (
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

func TestDashedKeyIDsLast(t *testing.T) {
	plain, dashed, two := strings.Repeat("k", 64), "-"+strings.Repeat("A", 63), "--"+strings.Repeat("_", 62)
	for _, c := range []struct{ args, want, key string }{
		{"export keys acme " + plain, "acme " + plain, ""},
		{"export keys acme " + dashed, "acme " + dashed, ""},
		{"export keys acme " + dashed + " --all --key " + two, "acme " + dashed, two},
		{"export keys --key " + dashed + " acme " + two + " " + dashed, "acme " + two + " " + dashed, dashed},
		{"export keys -k " + dashed + " acme -a " + two, "acme " + two, dashed},
		{"export keys acme -- " + dashed, "acme " + dashed, ""},
		{"export keys acme " + two + " -- " + dashed, "acme " + two + " " + dashed, ""},
	} {
		var got []string
		var key string
		root, export := &cobra.Command{Use: "root"}, &cobra.Command{Use: "export"}
		keys := &cobra.Command{Use: "keys", RunE: func(_ *cobra.Command, args []string) error { got = args; return nil }}
		export.PersistentFlags().StringVarP(&key, "key", "k", "", "")
		keys.Flags().BoolP("all", "a", false, "")
		root.AddCommand(export)
		export.AddCommand(keys)
		root.SetArgs(dashedKeyIDsLast(root, strings.Fields(c.args)))
		if err := root.Execute(); err != nil || !slices.Equal(got, strings.Fields(c.want)) || key != c.key {
			t.Errorf("%s: %v, key %q, %v; want %s, key %q", c.args, got, key, err, c.want, c.key)
		}
	}
	for _, a := range []string{"-x", dashed[:63] + "=", dashed + "A", "-" + strings.Repeat("A", 62)} {
		if isDashedKeyID(a) {
			t.Errorf("%q counts as a key ID", a)
		}
	}
}
