package canonical

import (
	"encoding/json"
	"errors"
	"io"

	"offlinestore/assertion"
	"offlinestore/bundle"
)

// AddAssertions adds a stream of assertions.
func (c *Collection) AddAssertions(text []byte) ([]*assertion.Assertion, error) {
	if c.kept += int64(len(text)); c.kept > maxKept {
		return nil, formatErrorf("more than %d bytes of assertions", maxKept)
	}
	list, err := assertion.DecodeAll(text)
	if err != nil {
		return nil, &FormatError{err}
	}
	if c.own == nil {
		c.own = make(map[*assertion.Assertion]*assertion.Set)
	}
	set := assertion.NewSet(list...)
	for _, a := range list {
		c.own[a] = set
	}
	c.assertions.Add(list...)
	return list, nil
}

func (c *Collection) addAssertions(size int64, r io.Reader) error {
	text, err := c.readText(size, r, bundle.MaxAssertionSize)
	c.kept -= int64(len(text)) // AddAssertions counts them
	if err == nil {
		_, err = c.AddAssertions(text)
	}
	return err
}

// addAnswer reads a JSON file, which may be an answer of the store.
func (c *Collection) addAnswer(name string, size int64, r io.Reader) error {
	text, err := c.readText(size, r, maxMetadata)
	if err != nil {
		return err
	}
	switch {
	case tooManyValues(text):
		return formatErrorf("more than %d values", maxValues)
	case !json.Valid(text):
		c.warn("%.100q is passed over: it is neither a snap nor an assertion, and not JSON", name)
		return nil
	}
	// The layout of the original's archives was never published, so the answers of the store to info and to refresh may be anywhere.
	eachObject(text, c.readAnswer)
	return nil
}

func (c *Collection) readText(size int64, r io.Reader, max int64) ([]byte, error) {
	if c.kept += size; size > max || c.kept > maxKept {
		return nil, formatErrorf("%d bytes: the limit is %d, and %d for all texts", size, max, maxKept)
	}
	text := make([]byte, size)
	if _, err := io.ReadFull(r, text); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, formatErrorf("it was cut off, or is still being copied")
		}
		return nil, err
	}
	return text, nil
}
