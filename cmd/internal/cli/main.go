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
	"time"
	"unicode"
	"unicode/utf16"

	"github.com/spf13/cobra"
)

// Main runs the command and returns the exit code. An error without a code or a hint gets them from the program's table.
// The first Ctrl-C cancels the context, so that the command can leave a state from which it can continue; a second one
// ends the process.
func Main(root *cobra.Command, hints Table) int {
	root.SilenceErrors, root.SilenceUsage = true, true
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return &Error{Code: Usage, Err: err, Hint: flagHint(c, err)}
	})
	ctx, stop := signal.NotifyContext(context.Background(), signals()...)
	defer stop()
	go func() {
		<-ctx.Done()
		stop() // from now on, a signal kills the process
	}()
	args := os.Args[1:]
	if onWindows {
		args = expandPatterns(args)
	}
	root.SetArgs(dashedKeyIDsLast(root, args))
	addVerbosity(root)
	defer detailTime(time.Now())
	out := &output{w: os.Stdout, terminal: IsTerminal(os.Stdout)}
	root.SetOut(out)
	cmd, err := root.ExecuteContextC(ctx)
	if out.err != nil && (err == nil || errors.Is(err, out.err)) {
		err = fmt.Errorf("write standard output: %v", out.err) // %v hides the cause: a full disk here is not the data folder's
	}
	if err == nil {
		return OK
	}
	e := describe(err, ctx, hints)
	if e.Hint == "" && isUsage(err) {
		e.Hint = usageHint(cmd)
	}
	// A result names bad items itself, and a second value after it would be invalid JSON.
	if asJSON, ferr := cmd.Flags().GetBool("json"); ferr == nil && asJSON && !out.used {
		printJSONError(out, e)
	}
	fmt.Fprintf(os.Stderr, "%s: %v\n", root.Name(), oneLine(e.Err))
	if e.Hint != "" {
		fmt.Fprintf(os.Stderr, "%s: hint: %s\n", root.Name(), Clean(e.Hint))
	}
	return e.Code
}

// signals returns the signals that ask us to end: from Ctrl-C, a service manager, a closed terminal or a closed SSH
// session. The reader of our output may also go away in the middle of a push. Then writes fail, and the push ends in
// order.
func signals() []os.Signal {
	list := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // nohup ignores it
		list = append(list, syscall.SIGHUP)
	}
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	return list
}

// output records whether anything was written, and the first error: a command whose result got lost must not succeed. On a terminal,
// it cleans the text.
type output struct {
	w        io.Writer
	terminal bool
	used     bool
	err      error
}

func (o *output) Write(p []byte) (int, error) {
	text := p
	if o.terminal {
		text = []byte(cleanLines(string(p)))
	}
	n, err := o.w.Write(text)
	o.used = o.used || n > 0
	if o.err == nil {
		o.err = err
	}
	if err == nil {
		n = len(p)
	}
	return min(n, len(p)), err
}

// describe returns err with its exit code and hint.
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

// isUsage reports whether cobra made the error. Those errors have no type.
func isUsage(err error) bool {
	for _, s := range []string{"unknown command", "unknown flag", "accepts ", "requires at least", "required flag"} {
		if strings.HasPrefix(err.Error(), s) {
			return true
		}
	}
	return false
}

// usageHint returns the usage of the command as a hint.
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
		fmt.Fprintln(w, EscapeJSON(b))
	}
}

// oneLine returns the text of an error on one line. So hostile names and joined errors can neither break the line nor
// control the terminal.
func oneLine(err error) string {
	var lines []string
	for line := range strings.Lines(err.Error()) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return Clean(strings.Join(lines, "; "))
}

// Clean returns one line of text, without characters that could control a terminal.
func Clean(s string) string { return strings.NewReplacer("\n", " ", "\t", " ").Replace(cleanLines(s)) }

// Line returns a text as Clean does, with the end of its line. It is empty if the text is.
func Line(s string) string {
	if s == "" {
		return ""
	}
	return Clean(s) + "\n"
}

// cleanLines replaces characters that could control a terminal, but for the ends of lines and tabs.
func cleanLines(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && steers(r) {
			return '\uFFFD'
		}
		return r
	}, s)
}

// steers reports whether a terminal may obey r instead of showing it in its place, or show nothing. Format characters reverse texts and
// hide in names; the separators of lines and paragraphs break lines; the fillers of Hangul look like spaces.
func steers(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Other_Default_Ignorable_Code_Point)
}

// PrintJSON prints a result for scripts. It escapes characters that JSON allows and a terminal would obey.
func PrintJSON(w io.Writer, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, EscapeJSON(b)+"\n")
	return err
}

// EscapeJSON returns the JSON text without characters that could control a terminal.
func EscapeJSON(b []byte) string {
	var out strings.Builder
	for _, r := range string(b) {
		if r != '\n' && steers(r) {
			for _, unit := range utf16.AppendRune(nil, r) {
				fmt.Fprintf(&out, "\\u%04x", unit)
			}
		} else {
			out.WriteRune(r)
		}
	}
	return out.String()
}
