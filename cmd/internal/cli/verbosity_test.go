package cli

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestQuiet checks that a quiet command prints no confirmation, and that results are printed nevertheless.
func TestQuiet(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"push", "pushed\n"}, {"push -q", ""}, {"push -q --json", "pushed\n"}, {"list --quiet", "listed\n"}, {"list -v", "listed\n"},
		{"push -q -v", "exclude each other"},
	} {
		root := &cobra.Command{Use: "prog", SilenceErrors: true, SilenceUsage: true}
		push := &cobra.Command{Use: "push", Run: func(c *cobra.Command, _ []string) { c.OutOrStdout().Write([]byte("pushed\n")) }}
		push.Flags().Bool("json", false, "")
		root.AddCommand(push, &cobra.Command{Use: "list", Run: func(c *cobra.Command, _ []string) { c.OutOrStdout().Write([]byte("listed\n")) }})
		SetConfirming(root, "push")
		addVerbosity(root)
		var out strings.Builder
		root.SetOut(&out)
		root.SetArgs(strings.Fields(c.args))
		if err := root.Execute(); err != nil {
			out.WriteString(err.Error())
		}
		if got := out.String(); got != c.want && !(strings.Contains(c.want, " ") && strings.Contains(got, c.want)) {
			t.Errorf("%s printed %q, want %q", c.args, got, c.want)
		}
		if NewProgress("x", 1) == nil != strings.Contains(c.args, "-q") && !strings.Contains(c.args, "-v") {
			t.Errorf("%s: the progress does not follow", c.args)
		}
	}
	quiet.Store(false)
	verbose.Store(false)
}
