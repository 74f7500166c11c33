package instance

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"offlinestore/blob"
)

// maxStoreAssertion is the largest stream of a store assertion with its prerequisites, in bytes.
const maxStoreAssertion = 1 << 20

// StoreAssertion reads the stream of the store assertion. It is empty if there is none.
func (d Dir) StoreAssertion() ([]byte, error) {
	text, err := blob.ReadFile(d.StoreAssertionPath(), maxStoreAssertion)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the store assertion: %w", err)
	}
	return text, nil
}

// HasStoreAssertion reports whether the store has the assertion by which devices join it. Settings alone may come from elsewhere.
func (d Dir) HasStoreAssertion() bool {
	_, err := os.Stat(d.StoreAssertionPath())
	return err == nil
}
