package cli

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// keyIDLength is the length of a SHA3-384 in base64url, which names a signing key.
const keyIDLength = 64

// dashedKeyIDsLast returns args with the key IDs that begin with a dash behind "--". One ID in 64 begins so, and would be read as a
// flag. Commands take their key IDs last, so the order stays.
func dashedKeyIDsLast(root *cobra.Command, args []string) []string {
	if !slices.ContainsFunc(args, isDashedKeyID) {
		return args
	}
	cmd, _, err := root.Find(args)
	if err != nil {
		return args
	}
	var others, ids, rest []string
	for i, a := range args {
		if a == "--" {
			rest = args[i+1:]
			break
		}
		if isDashedKeyID(a) && (i == 0 || !takesValue(cmd, args[i-1])) {
			ids = append(ids, a)
		} else {
			others = append(others, a)
		}
	}
	return slices.Concat(others, []string{"--"}, ids, rest)
}

func isDashedKeyID(a string) bool {
	return len(a) == keyIDLength && a[0] == '-' && strings.Trim(a, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == ""
}

// takesValue reports whether a is a flag of cmd whose value is the next argument.
func takesValue(cmd *cobra.Command, a string) bool {
	var f *pflag.Flag
	if name, ok := strings.CutPrefix(a, "--"); ok {
		f = cmd.Flag(name)
	} else if len(a) == 2 && a[0] == '-' {
		cmd.InheritedFlags() // merges the flags of the parents
		f = cmd.Flags().ShorthandLookup(a[1:])
	}
	return f != nil && f.NoOptDefVal == ""
}
