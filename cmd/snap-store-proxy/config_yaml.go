package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"offlinestore/blob"
	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
	"offlinestore/instance/settings"
)

func exportYAML(w io.Writer, s *settings.Settings) error {
	if cli.IsTerminal(os.Stdout) {
		fmt.Fprintln(os.Stderr, "This has secrets in it. Keep the file that you put it in to yourself (umask 077).")
	}
	text, err := s.ExportYAML()
	if err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}

// importYAML sets all settings in r, or none.
func importYAML(dir *instance.Dir, s *settings.Settings, r io.Reader) error {
	if cli.IsTerminal(os.Stdin) {
		fmt.Fprintln(os.Stderr, "Settings as YAML, ended by Ctrl-D:")
	}
	text, err := cli.ReadInput(r, settings.MaxYAML)
	if _, ok := errors.AsType[*blob.SizeError](err); ok {
		return cli.Usagef("%w", err)
	}
	if err != nil {
		return err
	}
	changes, ignored, err := settings.ParseYAML(text)
	if err != nil {
		return cli.At(parsingSettings, &cli.Error{Code: cli.Usage, Err: err})
	}
	if len(changes)+len(ignored) == 0 {
		return cli.At(readingSettings, cli.Usagef("standard input has no settings"))
	}
	for _, i := range ignored {
		warnOfObsolete(i)
	}
	if len(ignored) > 0 && changes[settings.DBConnection] != "" {
		fmt.Fprintf(os.Stderr, "If the original still uses the database of %s, give this store one of its own.\n", settings.DBConnection)
	}
	if err := change(dir, s, changes); err != nil {
		return err
	}
	cli.Note("Imported %s\n", cli.Count(len(changes), "setting"))
	return nil
}
