package canonical

import (
	"archive/tar"
	"bufio"
	"context"
	"io"
	"path"
	"strings"

	"github.com/klauspost/compress/gzip"

	"offlinestore/blob"
)

// IsExport reports whether r, read from its beginning, looks like a file of the original store-admin. It reads no more than it
// needs to. It fails only if r does.
func IsExport(r io.Reader) (bool, error) {
	read := blob.NewMeter(context.Background(), r, nil)
	z, err := gzip.NewReader(bufio.NewReader(read))
	if err != nil {
		return false, read.Err()
	}
	t := tar.NewReader(io.LimitReader(z, 1<<20))
	for range 8 {
		h, err := t.Next()
		if err != nil {
			return false, read.Err()
		}
		if h.Typeflag == tar.TypeDir {
			continue
		}
		base := path.Base(h.Name)
		return base == bundleYAML || strings.HasSuffix(base, nestedSuffix) || archiveName.MatchString(base), nil
	}
	return false, nil
}
