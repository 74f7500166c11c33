//go:build !purego

package keccak

import "golang.org/x/sys/cpu"

// isOrdered reports that the kernel with the most lanes is the fastest.
const isOrdered = true

// vectorKernels returns the kernels with several lanes. The package cpu reports a feature only if the operating system, too,
// keeps its registers.
func vectorKernels() (list []*Kernel) {
	if cpu.X86.HasAVX512F {
		list = append(list, &Kernel{Name: "AVX-512", Lanes: 8, absorb: func(s *Sponges, in *[maxLanes]*byte, blocks int) {
			absorb8(&s.state[0], in, &constants, blocks)
		}})
	}
	if cpu.X86.HasAVX2 {
		list = append(list, &Kernel{Name: "AVX2", Lanes: 4, absorb: func(s *Sponges, in *[maxLanes]*byte, blocks int) {
			absorb4(&s.state[0], (*[4]*byte)(in[:4]), &constants, blocks)
		}})
	}
	return list
}
