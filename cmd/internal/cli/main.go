package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"unicode"

	"github.com/spf13/cobra"
)

// Main runs the command and returns the exit code. An error without a code or a hint of its own gets them from the program's table.
// The first Ctrl-C cancels the context and lets the command leave a state from which it can go on; a second one ends the process.
func Main(root *cobra.Command, hints Table) int {
	root.SilenceErrors, root.SilenceUsage = true, true
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return &Error{Code: Usage, Err: err, Hint: fmt.Sprintf("see '%s --help'", c.CommandPath())}
	})
	ctx, stop := signal.NotifyContext(context.Background(), signals()...)
	defer stop()
	go func() {
		<-ctx.Done()
		stop() // from here on, the signal kills
	}()
	out := &output{w: os.Stdout}
	root.SetOut(out)
	cmd, err := root.ExecuteContextC(ctx)
	if out.err != nil && (err == nil || errors.Is(err, out.err)) {
		err = fmt.Errorf("write standard output: %v", out.err) // not the data folder's lack of space
	}
	if err == nil {
		return OK
	}
	e := describe(err, ctx, hints)
	if e.Hint == "" && isUsage(err) {
		e.Hint = usageHint(cmd)
	}
	// After a result, which names what is bad itself, a second value would be no JSON.
	if asJSON, ferr := cmd.Flags().GetBool("json"); ferr == nil && asJSON && !out.used {
		printJSONError(out, e)
	}
	fmt.Fprintf(os.Stderr, "%s: %v\n", root.Name(), oneLine(e.Err))
	if e.Hint != "" {
		fmt.Fprintf(os.Stderr, "%s: hint: %s\n", root.Name(), Clean(e.Hint))
	}
	return e.Code
}

// signals are those that ask us to end: Ctrl-C, a service manager, a terminal or an SSH session that was closed. Whoever reads
// our output may also go away in the middle of a push: then writes fail, and what was begun ends in order.
func signals() []os.Signal {
	list := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // as nohup has it
		list = append(list, syscall.SIGHUP)
	}
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	return list
}

// output remembers whether anything was written, and what went wrong: a result that nobody got is no success.
type output struct {
	w    io.Writer
	used bool
	err  error
}

func (o *output) Write(p []byte) (int, error) {
	n, err := o.w.Write(p)
	o.used = o.used || n > 0
	if o.err == nil {
		o.err = err
	}
	return n, err
}

// describe finds the exit code and the hint of an error.
func describe(err error, ctx context.Context, hints Table) *Error {
	e := &Error{Code: Failed, Err: err}
	var known *Error
	if errors.As(err, &known) {
		e.Code, e.Hint = known.Code, known.Hint
	}
	code, hint := hints.Find(err)
	if e.Code == 0 || e.Code == Failed && code != 0 {
		e.Code = code
	}
	if e.Hint == "" {
		e.Hint = hint
	}
	switch {
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		e.Code, e.Err, e.Hint = Interrupted, errors.New("interrupted"), "run the same command again: it goes on where it stopped"
	case errors.Is(err, syscall.ENOSPC) && e.Code == Failed:
		e.Code = NoSpace
	case e.Code == 0:
		e.Code = Failed
	case isUsage(err) && e.Code == Failed:
		e.Code = Usage
	}
	return e
}

// isUsage recognises the errors that cobra itself makes, which have no type.
func isUsage(err error) bool {
	for _, s := range []string{"unknown command", "unknown flag", "accepts ", "requires at least", "required flag"} {
		if strings.HasPrefix(err.Error(), s) {
			return true
		}
	}
	return false
}

// usageHint says what the command wants instead.
func usageHint(cmd *cobra.Command) string {
	if !cmd.HasAvailableSubCommands() {
		return "usage: " + cmd.UseLine()
	}
	cmd.SuggestionsMinimumDistance = 2
	if near := cmd.SuggestionsFor(cmd.Flags().Arg(0)); len(near) > 0 {
		return fmt.Sprintf("did you mean '%s %s'?", cmd.CommandPath(), near[0])
	}
	return fmt.Sprintf("see '%s --help'", cmd.CommandPath())
}

func printJSONError(w io.Writer, e *Error) {
	b, err := json.Marshal(map[string]any{"error": map[string]any{"message": e.Err.Error(), "hint": e.Hint, "exit-code": e.Code}})
	if err == nil {
		fmt.Fprintln(w, escapeJSON(b))
	}
}

// oneLine keeps hostile names and joined errors from breaking the line or steering the terminal.
func oneLine(err error) string {
	var lines []string
	for line := range strings.Lines(err.Error()) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return Clean(strings.Join(lines, "; "))
}

// Clean replaces what could steer a terminal.
func Clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case steers(r):
			return '\uFFFD'
		}
		return r
	}, s)
}

// steers says whether a terminal would do something else with r than show it in its place.
func steers(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }

// PrintJSON prints a result for scripts. What JSON lets through and a terminal would obey is escaped.
func PrintJSON(w io.Writer, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, escapeJSON(b)+"\n")
	return err
}

func escapeJSON(b []byte) string {
	var out strings.Builder
	for _, r := range string(b) {
		if r != '\n' && steers(r) {
			fmt.Fprintf(&out, "\\u%04x", r)
		} else {
			out.WriteRune(r)
		}
	}
	return out.String()
}
