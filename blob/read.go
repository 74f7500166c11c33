package blob

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// SizeError reports that a file, or another input, is larger than its reader allows.
type SizeError struct {
	Max int64 // in bytes
}

// Error returns a text with the limit.
func (e *SizeError) Error() string { return fmt.Sprintf("larger than %d bytes", e.Max) }

// ReadAll reads r to its end. The error is a *[SizeError] if there are more than max bytes.
func ReadAll(r io.Reader, max int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, max+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > max {
		return nil, &SizeError{max}
	}
	return data, nil
}

// NotRegularError reports a named pipe, a device, a socket or a folder in the place of a file.
type NotRegularError struct {
	Path string
	Mode fs.FileMode
}

// Error returns a text with the path and the kind of the file.
func (e *NotRegularError) Error() string {
	return fmt.Sprintf("%s is %s, not a file", e.Path, e.kind())
}

func (e *NotRegularError) kind() string {
	switch {
	case e.Mode.IsDir():
		return "a folder"
	case e.Mode&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case e.Mode&fs.ModeSocket != 0:
		return "a socket"
	case e.Mode&fs.ModeDevice != 0:
		return "a device"
	}
	return "something else"
}

// OpenRegular opens a regular file for reading, through links. Others are refused and not waited for: opening a named pipe would wait
// for its writer for ever, and opening a device can change it.
func OpenRegular(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &NotRegularError{path, info.Mode()}
	}
	f, err := openFile(path, os.O_RDONLY|NonBlocking)
	if err != nil {
		return nil, err
	}
	if info, err = f.Stat(); err == nil && !info.Mode().IsRegular() {
		err = &NotRegularError{path, info.Mode()} // somebody has replaced it
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// OpenNamed opens a file that an operator names: a regular one, or a descriptor that the shell has opened for this program, as in
// <(command).
func OpenNamed(path string) (*os.File, error) {
	if path == "/dev/stdin" || strings.HasPrefix(path, "/dev/fd/") || strings.HasPrefix(path, "/proc/self/fd/") {
		return os.Open(path)
	}
	return OpenRegular(path)
}

// ReadFile reads a small regular file that may be written by others. The error names the file, and wraps a *[SizeError] if there are
// more than max bytes.
func ReadFile(path string, max int64) ([]byte, error) {
	f, err := OpenRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := ReadAll(f, max)
	if _, ok := err.(*SizeError); ok {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return data, err
}
