//go:build !unix

package instance

import "errors"

// A store runs on Linux. Elsewhere its code compiles, so that developers and tools see all of it. Only root enters a folder as another user.

func (Dir) enterAsRoot(bool) error { return errors.ErrUnsupported }

func isReadOnly(string) bool { return false }
