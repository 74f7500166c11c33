//go:build !linux

package transfer

// lowerPriority changes nothing: only Linux has priorities of single threads.
func lowerPriority() (raise func()) { return func() {} }
