//go:build purego || (!amd64 && !arm64)

package keccak

// vectorKernels returns no kernel.
func vectorKernels() []*Kernel { return nil }
