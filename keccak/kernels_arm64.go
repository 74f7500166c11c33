//go:build !purego

package keccak

import "golang.org/x/sys/cpu"

// absorb2 absorbs whole blocks into two sponges, word i of sponge l at state[2*i+l].
//
//go:noescape
func absorb2(state *uint64, in *[2]*byte, constants *[24]uint64, blocks int)

// vectorKernels returns the kernels with several lanes.
func vectorKernels() []*Kernel {
	if !cpu.ARM64.HasSHA3 {
		return nil
	}
	return []*Kernel{{Name: "NEON with SHA-3", Lanes: 2, absorb: func(s *Sponges, in *[maxLanes]*byte, blocks int) {
		absorb2(&s.state[0], (*[2]*byte)(in[:2]), &constants, blocks)
	}}}
}
