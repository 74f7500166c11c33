package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"offlinestore/blob"
	"offlinestore/cmd/internal/cli"
	"offlinestore/instance/conninfo"
	"offlinestore/instance/settings"
)

// fromInput stands for a value that is asked for or read from standard input.
const fromInput = "-"

// maxInput is more than the length of any setting in bytes.
const maxInput = 1 << 20

// secretInput reads secrets that are not on the command line.
type secretInput struct {
	password bool // --password-stdin was given, and no connection has used the password yet
	used     bool // standard input was read, and is empty now
}

// complete returns the value of a setting, and reads the parts that are not on the command line.
func (in *secretInput) complete(k settings.Key, value string) (string, error) {
	switch {
	case k.Kind == settings.KindConnection && conninfo.LacksPassword(value):
		return in.addPassword(k, value)
	case value != fromInput || !k.Secret:
		return value, nil
	case k.Kind == settings.KindPEM || k.Kind == settings.KindKey:
		return in.text(k)
	case cli.IsTerminal(os.Stdin):
		return requireValue(k)(cli.AskSecret(k.Name + ": "))
	}
	return requireValue(k)(in.line())
}

// addPassword adds the password to a connection. Without a terminal it does not ask, because the server may need no
// password, and programs would hang.
func (in *secretInput) addPassword(k settings.Key, value string) (string, error) {
	var password string
	var err error
	switch {
	case in.password:
		in.password = false
		password, err = requireValue(k)(in.line())
	case cli.IsTerminal(os.Stdin) && os.Getenv("PGPASSWORD") == "":
		password, err = cli.AskSecret(fmt.Sprintf("Password for %s (Enter for none): ", k.Name))
	}
	if err != nil || password == "" {
		return value, err
	}
	return conninfo.WithPassword(value, password), nil
}

// requireValue rejects an empty secret, because an empty value resets the setting.
func requireValue(k settings.Key) func(string, error) (string, error) {
	return func(v string, err error) (string, error) {
		if err == nil && v == "" {
			err = cli.Usagef("%s: nothing was given; to have none, say %s=", k.Name, k.Name)
		}
		return v, err
	}
}

func (in *secretInput) line() (string, error) {
	if err := in.use(); err != nil {
		return "", err
	}
	v, err := cli.ReadSecret(os.Stdin)
	if err != nil {
		return "", cli.At(readingSecret, &cli.Error{Code: cli.Usage, Err: err})
	}
	return v, nil
}

// text reads several lines to the end of the input.
func (in *secretInput) text(k settings.Key) (string, error) {
	if err := in.use(); err != nil {
		return "", err
	}
	if cli.IsTerminal(os.Stdin) {
		fmt.Fprintf(os.Stderr, "%s, ended by Ctrl-D:\n", k.Name)
	}
	text, err := cli.ReadInput(os.Stdin, maxInput)
	if _, ok := errors.AsType[*blob.SizeError](err); ok {
		return "", cli.Usagef("%s: %w", k.Name, err)
	}
	if err != nil {
		return "", err
	}
	if strings.TrimSpace(string(text)) == "" {
		text = nil
	}
	return requireValue(k)(string(text), nil)
}

func (in *secretInput) use() error {
	if in.used {
		return cli.Usagef("standard input has one secret: set others with a command of their own")
	}
	in.used = true
	return nil
}
