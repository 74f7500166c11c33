package exporter

import (
	"io"

	"offlinestore/blob"
)

// newSums returns the digests to compute for a blob: its address, and each digest that the store announced.
func newSums(a *remoteBlob) *blob.Sums {
	set := blob.SHA256
	for _, d := range a.digests() {
		set |= d.algorithm
	}
	return blob.NewSums(set)
}

// verifySums compares the computed sums with each digest that the store announced.
func (a *remoteBlob) verifySums(sums *blob.Sums) error {
	for _, d := range a.digests() {
		if err := sums.Verify(d.algorithm, d.hex); err != nil {
			return err
		}
	}
	return nil
}

type remoteDigest struct {
	algorithm blob.Algorithm
	hex       string
}

// digests returns the digests that the store announced.
func (a *remoteBlob) digests() (list []remoteDigest) {
	for _, d := range []remoteDigest{{blob.SHA256, a.SHA256}, {blob.SHA384, a.SHA384}, {blob.SHA3384, a.SHA3384}} {
		if d.hex != "" {
			list = append(list, d)
		}
	}
	return list
}

// progressWriter reports written bytes as progress, and can take them back. It keeps its own error apart from the store's.
type progressWriter struct {
	w        io.Writer
	progress Progress
	n        int64
	err      error
}

func (c *progressWriter) addBytes(n int64) {
	c.n += n
	c.progress.Add(n)
}

func (c *progressWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.addBytes(int64(n))
	c.err = err
	return n, err
}
