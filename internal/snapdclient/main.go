package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"

	"github.com/snapcore/snapd/snap"
	"github.com/snapcore/snapd/snapdenv"
)

// snapdVersion goes into the User-Agent. The pinned commit lies between the tags 2.47 and 2.48.
const snapdVersion = "2.47"

// command is one subcommand. setup defines its flags and returns the function to run after the flags are parsed.
type command struct {
	name  string
	args  string
	setup func(fs *flag.FlagSet) runner
}

// runner does a subcommand's work. The result is printed even if there is an error, because a partial answer is still
// evidence.
type runner func(ctx context.Context, args []string) (result any, err error)

// usageError is wrong usage of the driver itself, not a wrong answer of the store.
type usageError string

func (e usageError) Error() string { return string(e) }

func commands() []command {
	return []command{
		{"install", "NAME...", setupInstall},
		{"refresh", "", setupRefresh},
		{"create-cohort", "NAME...", setupCohorts},
		{"info", "NAME", setupInfo},
		{"find", "", setupFind},
		{"sections", "", setupSections},
		{"names", "", setupNames},
		{"assertion", "TYPE KEY...", setupAssertion},
		{"fetch-assertions", "TYPE/KEY...", setupFetchAssertions},
		{"verify", "STREAM...", setupVerify},
		{"sign", "", setupSign},
	}
}

func main() {
	// snapd's daemon installs the real sanitizer. Without any sanitizer, reading the store's snap-yaml panics.
	snap.SanitizePlugsSlots = func(*snap.Info) {}
	snapdenv.SetUserAgentFromVersion(snapdVersion, nil)

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	cmds := commands()
	i := -1
	if len(args) > 0 {
		i = slices.IndexFunc(cmds, func(c command) bool { return c.name == args[0] })
	}
	if i < 0 {
		var names []string
		for _, c := range cmds {
			names = append(names, c.name)
		}
		fmt.Fprintf(stderr, "usage: snapdclient %s [FLAGS] [ARGS]\n", strings.Join(names, "|"))
		return exitUsage
	}
	c := cmds[i]
	fs := flag.NewFlagSet(c.name, flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.Usage = func() {
		fmt.Fprintf(stderr, "usage: snapdclient %s [FLAGS] %s\n", c.name, c.args)
		fs.PrintDefaults()
	}
	exec := c.setup(fs)
	if err := fs.Parse(args[1:]); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return exitOK
		}
		return exitUsage
	}
	result, err := exec(ctx, fs.Args())
	return report(c.name, result, err, stdout, stderr)
}

func report(name string, result any, err error, stdout, stderr io.Writer) int {
	var usage usageError
	if errors.As(err, &usage) {
		fmt.Fprintf(stderr, "snapdclient %s: %v\n", name, err)
		return exitUsage
	}
	if err != nil {
		fmt.Fprintf(stderr, "snapdclient %s: %v\n", name, err)
		if result == nil {
			result = struct{}{}
		}
	}
	if perr := printJSON(stdout, result, err); perr != nil {
		fmt.Fprintf(stderr, "snapdclient %s: print result: %v\n", name, perr)
		return exitFailure
	}
	return exitCode(err)
}

// printJSON prints the result with the error, if any, as one more member of the same object.
func printJSON(w io.Writer, result any, err error) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err == nil {
		return enc.Encode(result)
	}
	b, merr := json.Marshal(result)
	if merr != nil {
		return merr
	}
	members := map[string]json.RawMessage{}
	if merr := json.Unmarshal(b, &members); merr != nil {
		return merr
	}
	reports := describe(err)
	if members["error"], merr = json.Marshal(reports[0]); merr != nil {
		return merr
	}
	if members["errors"], merr = json.Marshal(reports); merr != nil {
		return merr
	}
	return enc.Encode(members)
}
