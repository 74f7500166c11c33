package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
)

// backupContent writes the content of a backup. For root, another process writes it: a process gives up root's rights for
// good, and the owner of the data folder may not write to every place that root may.
func backupContent(ctx context.Context, dir *instance.Dir, w io.Writer, blobs bool) error {
	if os.Geteuid() != 0 {
		return writeContent(ctx, dir, w, blobs)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, self, contentCommand, "--data-dir", string(*dir), fmt.Sprintf("--blobs=%v", blobs))
	cmd.Args[0] = "snap-store-proxy"
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
		return inItsWords(words.String(), max(cmd.ProcessState.ExitCode(), cli.Failed), ended)
	}
	return nil
}

// inItsWords returns the error and the hint that the other process printed.
func inItsWords(said string, code int, err error) error {
	const name, hint = "snap-store-proxy: ", "snap-store-proxy: hint: "
	out := &cli.Error{Code: code, Err: err}
	for line := range strings.Lines(said) {
		line = strings.TrimSpace(line)
		if text, ok := strings.CutPrefix(line, hint); ok {
			out.Hint = text
		} else if text, ok := strings.CutPrefix(line, name); ok {
			out.Err = errors.New(text) // the last line counts
		}
	}
	return out
}
