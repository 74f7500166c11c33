package cli

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// completionTime bounds the time in which words for a shell are looked up. The lookup then has as long again to clean up.
const completionTime = 2 * time.Second

// noFiles keeps the shell from offering files.
const noFiles = cobra.ShellCompDirectiveNoFileComp

// Complete returns the function that completes arguments with the words of lookUp, which gets the arguments so far and the beginning of the
// word. What takes too long, or fails, completes nothing.
func Complete(lookUp func(ctx context.Context, args []string, prefix string) []string) cobra.CompletionFunc {
	return func(c *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
		parent := c.Context()
		if parent == nil {
			parent = context.Background()
		}
		ctx, cancel := context.WithTimeout(parent, completionTime)
		defer cancel()
		found := make(chan []string, 1)
		go func() { found <- lookUp(ctx, args, prefix) }()
		// The program must not end before lookUp, which may have started a database that nobody else would stop. Most end soon after ctx.
		select {
		case words := <-found:
			return begin(words, prefix), noFiles
		case <-time.After(2 * completionTime):
			return nil, noFiles
		}
	}
}

// CompleteWords returns the function that completes words of a list.
func CompleteWords(words ...string) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, prefix string) ([]string, cobra.ShellCompDirective) {
		return begin(words, prefix), noFiles
	}
}

// begin returns the words that begin with a prefix, each once. A word that a terminal could obey is left out.
func begin(words []string, prefix string) []string {
	var out []string
	for _, w := range words {
		if strings.HasPrefix(w, prefix) && Clean(w) == w && !strings.ContainsAny(w, " \t") && !slices.Contains(out, w) {
			out = append(out, w)
		}
	}
	return out
}

// Architectures are the architectures of Ubuntu, for the completion of shells. Others may be given.
var Architectures = []string{"amd64", "arm64", "armhf", "i386", "ppc64el", "riscv64", "s390x"}

// Risks are the risks of channels.
var Risks = []string{"stable", "candidate", "beta", "edge"}

// SetCompletion makes a command below root complete its arguments and its flags.
func SetCompletion(root *cobra.Command, path string, args cobra.CompletionFunc, flags map[string]cobra.CompletionFunc) {
	c, _, err := root.Find(strings.Fields(path))
	if err != nil {
		panic("complete " + path + ": " + err.Error())
	}
	if args != nil {
		c.ValidArgsFunction = args
	}
	for name, fn := range flags {
		if err := c.RegisterFlagCompletionFunc(name, fn); err != nil {
			panic("complete " + path + " --" + name + ": " + err.Error())
		}
	}
}
