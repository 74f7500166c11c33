package blob

import (
	"fmt"
	"io"
)

// VerifyReader delivers content only while the content can still match its digest. See [NewVerifyReader].
type VerifyReader struct {
	r    io.Reader
	want Digest
	left int64
	sum  *Sums
	err  error
}

// NewVerifyReader returns a reader of a blob with a digest and a size from r. In place of io.EOF it returns a *[CorruptError] if
// r is shorter or longer or has another digest. It never delivers more than size bytes.
func NewVerifyReader(r io.Reader, dg Digest, size int64) *VerifyReader {
	v := &VerifyReader{r: r, want: dg, left: size, sum: NewSums(SHA256)}
	if v.err = CheckDigest(dg); v.err == nil && size < 0 {
		v.err = fmt.Errorf("blob %s: negative size %d", dg, size)
	}
	return v
}

// Read implements [io.Reader].
func (v *VerifyReader) Read(p []byte) (int, error) {
	if v.err != nil || len(p) == 0 {
		return 0, v.err
	}
	if v.left == 0 {
		v.err = v.end()
		return 0, v.err
	}
	n, err := v.r.Read(p[:min(int64(len(p)), v.left)])
	v.sum.Write(p[:n])
	v.left -= int64(n)
	switch {
	case err == nil || err == io.EOF && v.left == 0: // the next call handles an end at the right place
	case err == io.EOF:
		v.err = v.corrupt(io.ErrUnexpectedEOF)
	default:
		v.err = fmt.Errorf("read blob %s: %w", v.want, err)
	}
	return n, v.err
}

// end verifies the content, and makes sure that nothing follows.
func (v *VerifyReader) end() error {
	var one [1]byte
	switch _, err := io.ReadFull(v.r, one[:]); {
	case err == nil:
		return v.corrupt(ErrTrailingData)
	case err != io.EOF:
		return fmt.Errorf("read blob %s: %w", v.want, err)
	}
	if got := v.sum.Digest(); got != v.want {
		return &CorruptError{Digest: v.want, Got: got, Err: ErrWrongDigest}
	}
	return io.EOF
}

func (v *VerifyReader) corrupt(err error) error { return &CorruptError{Digest: v.want, Err: err} }

// Copy copies a blob with that digest and size from r to w. The error is a *[CorruptError] if r holds anything else. In this
// case, w may have received wrong content.
func Copy(w io.Writer, r io.Reader, dg Digest, size int64) error {
	buf := make([]byte, min(blockSize, max(size, 1)))
	_, err := io.CopyBuffer(struct{ io.Writer }{w}, NewVerifyReader(r, dg, size), buf)
	return err
}
