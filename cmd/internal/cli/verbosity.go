package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"
)

// quiet and verbose are the flags of the running command.
var quiet, verbose atomic.Bool

// IsQuiet reports whether only results, warnings and errors are wanted.
func IsQuiet() bool { return quiet.Load() }

// Note prints a message about success, or about what happens next, to standard error. A quiet command prints none.
func Note(format string, args ...any) {
	if !quiet.Load() {
		fmt.Fprintf(os.Stderr, format, args...)
	}
}

// Detail prints a message to standard error if details are wanted.
func Detail(format string, args ...any) {
	if verbose.Load() {
		fmt.Fprintf(os.Stderr, "%s\n", Clean(fmt.Sprintf(format, args...)))
	}
}

// Verbose reports whether details are wanted.
func Verbose() bool { return verbose.Load() }

// LogLevel returns the level of a log that the flags ask for, or the usual one.
func LogLevel(usual string) string {
	switch {
	case quiet.Load():
		return "warn"
	case verbose.Load():
		return "debug"
	}
	return usual
}

// confirms marks a command whose output only confirms that it succeeded.
const confirms = "confirms"

// SetConfirming marks commands below root whose output only confirms that they succeeded, so that a quiet one prints nothing.
func SetConfirming(root *cobra.Command, paths ...string) {
	for _, path := range paths {
		c, _, err := root.Find(strings.Fields(path))
		if err != nil {
			panic("confirm " + path + ": " + err.Error())
		}
		if c.Annotations == nil {
			c.Annotations = make(map[string]string)
		}
		c.Annotations[confirms] = path
	}
}

// asked are the flags that make a confirming command print a result.
var asked = []string{"json", "plan", "dry-run", "only-print-yaml"}

// addVerbosity adds the flags for less and more output to a program.
func addVerbosity(root *cobra.Command) {
	var less, more bool
	f := root.PersistentFlags()
	f.BoolVarP(&less, "quiet", "q", false, "print only results, warnings and errors, and no progress")
	f.BoolVarP(&more, "verbose", "v", false, "print details of the work to standard error")
	next := root.PersistentPreRunE
	root.PersistentPreRunE = func(c *cobra.Command, args []string) error {
		if less && more {
			return Usagef("--quiet and --verbose exclude each other")
		}
		quiet.Store(less)
		verbose.Store(more)
		if less && c.Annotations[confirms] != "" && !wantsResult(c) {
			root.SetOut(io.Discard)
		}
		if next != nil {
			return next(c, args)
		}
		return nil
	}
}

// wantsResult reports whether a flag asks a command for a result.
func wantsResult(c *cobra.Command) bool {
	for _, name := range asked {
		if set, err := c.Flags().GetBool(name); err == nil && set {
			return true
		}
	}
	return false
}

// detailTime prints how long a command took.
func detailTime(start time.Time) {
	Detail("took %s", time.Since(start).Round(time.Millisecond))
}
