//go:build unix

package bundle_test

import (
	"bytes"
	"path/filepath"
	"testing"
)

// TestSkopeoFiles copies an image, with all its platforms, out of a folder for inspection, and reads the head there as a layout.
func TestSkopeoFiles(t *testing.T) {
	t.Parallel()
	tool := skopeo(t)
	c := pgVector(t)
	s := c.seal(t)
	dir := c.writeFiles(t, s)
	run(t, dir, tool, "inspect", "--raw", "oci:index:bundle")
	for _, m := range c.images {
		name := "image-" + m.Digest.Encoded()
		if raw := run(t, dir, tool, "inspect", "--raw", "oci:images:"+name); !bytes.Equal(raw, m.Raw) {
			t.Errorf("%s has %d bytes, want %d", name, len(raw), len(m.Raw))
		}
	}
	index := c.images[len(c.images)-1]
	run(t, dir, tool, "copy", "--all", "oci:images:image-"+index.Digest.Encoded(), "oci:"+filepath.Join(t.TempDir(), "copy")+":all")
}
