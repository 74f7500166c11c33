package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/pflag"

	"offlinestore/cmd/internal/cli"
)

// maxKeyFile bounds the file of a passphrase or of identities.
const maxKeyFile = 64 << 10

// errNoSecret reports that nothing was given to encrypt or decrypt a backup with.
var errNoSecret = errors.New("no passphrase and no key")

// backupSecrets are the flags that name the secrets of a backup.
type backupSecrets struct {
	passphraseFile string
	recipients     []string // for a new backup
	identities     []string // files, for an old backup
}

func (s *backupSecrets) addPassphrase(f *pflag.FlagSet) {
	f.StringVar(&s.passphraseFile, "passphrase-file", "", "`file` with the passphrase, - for standard input; without it, the command asks on the terminal")
}

// passphrase reads the passphrase from its file or asks for it on the terminal, twice for a new one.
func (s *backupSecrets) passphrase(isNew bool) (string, error) {
	if s.passphraseFile != "" {
		text, err := cli.ReadFile(s.passphraseFile, maxKeyFile)
		if err != nil {
			return "", fmt.Errorf("read the passphrase: %w", err)
		}
		return oneSecret(text, s.passphraseFile, "the passphrase")
	}
	if !cli.IsTerminal(os.Stdin) {
		step := readingBackup
		if isNew {
			step = encryptingBackup
		}
		return "", cli.At(step, &cli.Error{Code: cli.Usage, Err: errNoSecret})
	}
	text, err := cli.AskSecret("Passphrase of the backup: ")
	if err != nil || !isNew {
		return text, err
	}
	again, err := cli.AskSecret("Once more: ")
	if err != nil {
		return "", err
	}
	if text != again {
		return "", cli.Usagef("the two passphrases differ")
	}
	if text == "" {
		return "", cli.Usagef("the passphrase is empty")
	}
	return text, nil
}

// oneSecret returns the one line of a file.
func oneSecret(text []byte, path, what string) (string, error) {
	line, err := cli.ReadSecret(bytes.NewReader(text))
	if err != nil || line == "" {
		return "", cli.Usagef("%s: want one line, %s", path, what)
	}
	return line, nil
}
