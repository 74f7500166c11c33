// Package cli holds the parts of both programs that face the user: exit codes, errors with hints, progress and prompts.
//
// Results go to stdout, everything else to stderr. Errors begin with the name of the program, without a capital and
// without a full stop; a hint stands on a line of its own.
package cli

import "fmt"

// Scripts rely on these exit codes. They are in the help and in docs/operating.md, and don't change.
const (
	OK          = 0
	Failed      = 1   // any error without a code of its own
	Usage       = 2   // the command line is wrong
	Partial     = 3   // some of several inputs failed, the others succeeded
	Damaged     = 4   // a bundle or a blob is damaged, or a file is no bundle
	Untrusted   = 5   // no trusted key made a signature or an assertion
	Gaps        = 6   // something is missing: a release, a base, a content provider
	NoSpace     = 7   // the disk is full or too small
	Database    = 8   // PostgreSQL or S3 can't be reached or went away
	Upstream    = 9   // the store upstream can't be reached or answers with errors
	Interrupted = 130 // Ctrl-C or a termination signal; the next run continues
)

// ExitHelp is the table of exit codes in the help of the commands.
const ExitHelp = `
Exit codes:
  0  done                        5  signature or assertion not trusted
  1  failed                      6  something is missing (release, base, provider)
  2  wrong usage                 7  no space
  3  some inputs failed          8  database or S3 not available
  4  damaged bundle or blob      9  upstream store not available
  130  interrupted; run it again to go on`

// Error is an error with its exit code and a hint about the next step.
type Error struct {
	Code int
	Err  error
	Hint string
}

func (e *Error) Error() string { return e.Err.Error() }

func (e *Error) Unwrap() error { return e.Err }

// Usagef returns an error about the command line.
func Usagef(format string, args ...any) error {
	return &Error{Code: Usage, Err: fmt.Errorf(format, args...)}
}
