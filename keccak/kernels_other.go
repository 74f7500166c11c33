//go:build purego || (!amd64 && !arm64)

package keccak

// isOrdered reports that the first kernel is the fastest: there is only one.
const isOrdered = true

// vectorKernels returns no kernel.
func vectorKernels() []*Kernel { return nil }
