package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"offlinestore/blob"

	"golang.org/x/term"
)

// maxSecret is the maximal length of a secret in bytes.
const maxSecret = 64 << 10

// AskSecret asks for a line on the terminal at stdin, without showing the line.
func AskSecret(prompt string) (string, error) {
	fd := int(os.Stdin.Fd())
	if !term.IsTerminal(fd) {
		return "", fmt.Errorf("ask for a secret: %w", errNoTerminal)
	}
	// In raw mode Ctrl-C is a key like any other. Otherwise Ctrl-C would end the process and leave the terminal without
	// its echo.
	before, err := term.MakeRaw(fd)
	if err != nil {
		return "", fmt.Errorf("ask for a secret: %w", err)
	}
	line, err := term.NewTerminal(terminal{os.Stdin, os.Stderr}, "").ReadPassword(prompt)
	if err := errors.Join(err, term.Restore(fd, before)); err != nil {
		fmt.Fprintln(os.Stderr)
		if errors.Is(err, io.EOF) {
			return "", errors.New("ask for a secret: none was given")
		}
		return "", fmt.Errorf("ask for a secret: %w", err)
	}
	return line, nil
}

// errNoTerminal means that there is no terminal to ask on.
var errNoTerminal = errors.New("stdin is not a terminal")

// Ask asks for a line on the terminal at stdin. The error is errNoTerminal if there is none.
func Ask(prompt string) (string, error) {
	if !IsTerminal(os.Stdin) {
		return "", errNoTerminal
	}
	fmt.Fprint(os.Stderr, prompt)
	line, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("read the answer: %w", err)
	}
	return strings.TrimSpace(line), nil
}

// terminal joins a reader and a writer.
type terminal struct {
	io.Reader
	io.Writer
}

// ReadSecret reads a secret that another program writes. It returns the first line without its end, and an error if there
// are more lines.
func ReadSecret(r io.Reader) (string, error) {
	text, err := blob.ReadAll(r, maxSecret)
	switch line, rest, _ := strings.Cut(string(text), "\n"); {
	case err != nil:
		return "", fmt.Errorf("read a secret: %w", err)
	case rest != "":
		return "", errors.New("read a secret: want one line on stdin, got more")
	default:
		return strings.TrimSuffix(line, "\r"), nil
	}
}

// ReadPasswords reads a password and, if there is a second line, a one-time password from a file. "-" is standard input.
func ReadPasswords(path string) (password, otp string, err error) {
	text, err := ReadFile(path, maxSecret)
	if err != nil {
		return "", "", err
	}
	password, rest, _ := strings.Cut(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n")
	otp, rest, _ = strings.Cut(rest, "\n")
	switch {
	case password == "":
		return "", "", errors.New("read the password: the first line is empty")
	case rest != "":
		return "", "", errors.New("read the password: want one line, or a second with the one-time password; got more")
	}
	return password, otp, nil
}
