package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"offlinestore/blob"
)

// ReadFile reads a file that an operator names, of at most max bytes. "-" is standard input.
func ReadFile(path string, max int64) ([]byte, error) {
	if path == "-" {
		return ReadInput(os.Stdin, max)
	}
	f, err := blob.OpenNamed(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := blob.ReadAll(f, max)
	if _, ok := err.(*blob.SizeError); ok {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return data, err
}

// ReadInput reads standard input to its end, at most max bytes. The error names standard input, and wraps a
// *[blob.SizeError] if there are more bytes.
func ReadInput(stdin io.Reader, max int64) ([]byte, error) {
	data, err := blob.ReadAll(stdin, max)
	if err != nil {
		return nil, fmt.Errorf("read standard input: %w", err)
	}
	return data, nil
}

// ReadPasswordFile reads the first line of a file and ignores all other lines. "-" is standard input.
func ReadPasswordFile(path string) (string, error) {
	f := os.Stdin
	if path != "-" {
		var err error
		if f, err = blob.OpenNamed(path); err != nil {
			return "", err
		}
		defer f.Close()
	}
	line, err := bufio.NewReader(io.LimitReader(f, maxSecret)).ReadString('\n')
	if err != nil && err != io.EOF {
		return "", err
	}
	if line = strings.TrimRight(line, "\r\n"); line == "" {
		return "", errors.New("it is empty")
	}
	return line, nil
}
