package canonical

import (
	"archive/tar"
	"context"
	"fmt"
	"io"
)

// ReadMetadata prints the charm that it finds in a metadata.json.
func ReadMetadata(raw []byte, name string) (id, all string, err error) {
	k, err := parseMetadata(raw, name)
	if err != nil {
		return "", "", err
	}
	return k.id, fmt.Sprintf("%+v %+v", k, k.details), nil
}

// EachEntry reads all files of an archive that is not compressed.
func EachEntry(r io.Reader, fn func(h *tar.Header, content []byte) error) error {
	raw := newSource(context.Background(), r, 0, nil)
	return eachEntry(&unpacker{r: raw, raw: raw}, func(h *tar.Header, r io.Reader) error {
		b, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		return fn(h, b)
	})
}
