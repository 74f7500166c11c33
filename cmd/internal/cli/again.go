package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// RunAgain runs this program, whose name is given, in another process, and copies its output to w. Its error is the one that the other
// process printed, with the hint.
func RunAgain(ctx context.Context, name string, w io.Writer, args ...string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, self, args...)
	cmd.Args[0] = name
	var words bytes.Buffer
	cmd.Stderr = &words
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = time.Minute
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	_, err = io.Copy(w, out)
	out.Close() // the process ends if nobody reads
	ended := cmd.Wait()
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return err
	case ended != nil:
		return inItsWords(name, words.String(), max(cmd.ProcessState.ExitCode(), Failed), ended)
	}
	return nil
}

// inItsWords returns the error and the hint that the other process printed.
func inItsWords(name, said string, code int, err error) error {
	out := &Error{Code: code, Err: err}
	for line := range strings.Lines(said) {
		line = strings.TrimSpace(line)
		if text, ok := strings.CutPrefix(line, name+": hint: "); ok {
			out.Hint = text
		} else if text, ok := strings.CutPrefix(line, name+": "); ok {
			out.Err = errors.New(text) // the last line counts
		}
	}
	return out
}
