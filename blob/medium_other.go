//go:build !linux

package blob

import "os"

// Drop returns ErrNoMedium.
func (m *Medium) Drop(*os.File) error { return ErrNoMedium }
