package blob_test

import (
	"os"
	"path/filepath"
	"testing"

	"offlinestore/blob"
	"offlinestore/internal/blobtest"
)

func TestFolderConforms(t *testing.T) {
	t.Parallel()
	blobtest.Conform(t, func(t *testing.T) *blobtest.Site {
		root := t.TempDir()
		d := open(t, root)
		return &blobtest.Site{Backend: d.Backend(),
			Overwrite: func(dg blob.Digest, content []byte) { check(t, os.WriteFile(path(t, d, dg), content, 0o600)) },
			Break: func() func() {
				names, away := filepath.Join(root, "sha256"), filepath.Join(root, "away")
				check(t, os.Rename(names, away))
				return func() { check(t, os.Rename(away, names)) }
			},
		}
	})
}
