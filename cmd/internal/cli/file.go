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

// ReadFile reads a file of text that an operator names, of at most max bytes. "-" is standard input. It returns UTF-8 with the line ends
// of Unix for a text in UTF-16, with a byte order mark or with the line ends of Windows.
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
	if err == nil {
		data, err = decodeText(data)
	} else if _, ok := err.(*blob.SizeError); !ok {
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return data, nil
}

// ReadInput reads a text from standard input to its end, at most max bytes, like ReadFile. The error names standard input, and wraps a
// *[blob.SizeError] if there are more bytes.
func ReadInput(stdin io.Reader, max int64) ([]byte, error) {
	data, err := blob.ReadAll(stdin, max)
	if err == nil {
		data, err = decodeText(data)
	}
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
	r := bufio.NewReader(io.LimitReader(f, maxSecret))
	read := func() ([]byte, error) { return r.ReadBytes('\n') } // a terminal stays open after it
	if start, _ := r.Peek(2); isUTF16(start) {
		read = func() ([]byte, error) { return io.ReadAll(r) }
	}
	text, err := read()
	if err == nil || err == io.EOF {
		text, err = decodeText(text)
	}
	if err != nil {
		return "", err
	}
	line, _, _ := strings.Cut(string(text), "\n")
	if line = strings.TrimRight(line, "\r"); line == "" {
		return "", errors.New("it is empty")
	}
	return line, nil
}
