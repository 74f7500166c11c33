package blob

import (
	"fmt"
	"io"
	"os"
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

// ReadFile reads a small file that may be written by others. The error names the file, and wraps a *[SizeError] if there are more
// than max bytes.
func ReadFile(path string, max int64) ([]byte, error) {
	f, err := os.Open(path)
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
