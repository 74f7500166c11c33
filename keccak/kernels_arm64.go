//go:build !purego

package keccak

import "golang.org/x/sys/cpu"

// absorb2 absorbs whole blocks into two sponges, word i of sponge l at state[2*i+l].
//
//go:noescape
func absorb2(state *uint64, in *[2]*byte, constants *[24]uint64, blocks int)

// absorb2plain does the same without the instructions of SHA-3.
//
//go:noescape
func absorb2plain(state *uint64, in *[2]*byte, constants *[24]uint64, blocks int)

// isOrdered reports false: the vector units of these processors differ so much that only a measurement tells which kernel is the fastest.
const isOrdered = false

// vectorKernels returns the kernels with several lanes.
func vectorKernels() (list []*Kernel) {
	if cpu.ARM64.HasSHA3 {
		list = append(list, &Kernel{Name: "NEON with SHA-3", Lanes: 2, absorb: func(s *Sponges, in *[maxLanes]*byte, blocks int) {
			absorb2(&s.state[0], (*[2]*byte)(in[:2]), &constants, blocks)
		}})
	}
	return append(list, &Kernel{Name: "NEON", Lanes: 2, absorb: func(s *Sponges, in *[maxLanes]*byte, blocks int) {
		absorb2plain(&s.state[0], (*[2]*byte)(in[:2]), &constants, blocks)
	}})
}
