package bundle

import (
	"io"
	"os"

	"filippo.io/age"
)

// scratch keeps a blob while it is verified.
type scratch interface {
	io.WriteCloser
	// content returns the blob once it is written.
	content() (io.ReaderAt, error)
}

// newScratch returns a file for a blob, which is gone when it is closed. If the blob came encrypted, the file is encrypted with a key that only
// this process has.
func newScratch(encrypted bool) (scratch, error) {
	f, err := os.CreateTemp("", "offlinestore-verify-")
	if err != nil {
		return nil, err
	}
	os.Remove(f.Name()) // a killed process leaves nothing then, where the system can remove open files
	plain := &plainScratch{f}
	if !encrypted {
		return plain, nil
	}
	s := &secretScratch{file: plain}
	if s.key, err = age.GenerateX25519Identity(); err == nil {
		s.w, err = age.Encrypt(f, s.key.Recipient())
	}
	if err != nil {
		plain.Close()
		return nil, err
	}
	return s, nil
}

// plainScratch is a temporary file.
type plainScratch struct{ *os.File }

func (s *plainScratch) content() (io.ReaderAt, error) { return s.File, nil }

// Close closes and removes the file.
func (s *plainScratch) Close() error {
	err := s.File.Close()
	os.Remove(s.Name()) // gone already on most systems
	return err
}

// secretScratch is an encrypted temporary file.
type secretScratch struct {
	file *plainScratch
	w    io.WriteCloser
	key  *age.X25519Identity
}

// Write implements [io.Writer].
func (s *secretScratch) Write(p []byte) (int, error) { return s.w.Write(p) }

func (s *secretScratch) content() (io.ReaderAt, error) {
	if err := s.w.Close(); err != nil {
		return nil, err
	}
	info, err := s.file.Stat()
	if err != nil {
		return nil, err
	}
	r, _, err := age.DecryptReaderAt(s.file, info.Size(), s.key)
	return r, err
}

// Close implements [io.Closer].
func (s *secretScratch) Close() error { return s.file.Close() }
