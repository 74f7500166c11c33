package main

import (
	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Truth tables of VPTERNLOGQ, for the operands in the order destination, second, first.
const (
	xor3   = operand.U8(0x96) // a ^ b ^ c
	chiRow = operand.U8(0xd2) // a ^ (^b & c)
)

// zmm holds the registers of eight lanes: the state fills 25 of 32.
type zmm struct {
	*build.Context
	a [25]reg.VecPhysical
	c [5]reg.VecPhysical
	t [2]reg.VecPhysical
}

// absorb8 writes the kernel of eight lanes for AVX-512. It needs the instructions of AVX512F only.
func absorb8(c *build.Context) {
	c.Function("absorb8")
	c.Attributes(attr.NOSPLIT)
	c.Pragma("noescape")
	c.Doc("absorb8 absorbs whole blocks into eight sponges, word i of sponge l at state[8*i+l].")
	c.SignatureExpr("func(state *uint64, in *[8]*byte, constants *[24]uint64, blocks int)")
	z := &zmm{Context: c}
	all := []reg.VecPhysical{reg.Z0, reg.Z1, reg.Z2, reg.Z3, reg.Z4, reg.Z5, reg.Z6, reg.Z7, reg.Z8, reg.Z9, reg.Z10,
		reg.Z11, reg.Z12, reg.Z13, reg.Z14, reg.Z15, reg.Z16, reg.Z17, reg.Z18, reg.Z19, reg.Z20, reg.Z21, reg.Z22,
		reg.Z23, reg.Z24, reg.Z25, reg.Z26, reg.Z27, reg.Z28, reg.Z29, reg.Z30, reg.Z31}
	copy(z.a[:], all)
	copy(z.c[:5], all[25:])
	copy(z.t[:], all[30:])
	masks := [8]reg.Register{nil, reg.K1, reg.K2, reg.K3, reg.K4, reg.K5, reg.K6, reg.K7}
	lanes := [8]reg.Register{reg.RSI, reg.RDI, reg.R8, reg.R9, reg.R10, reg.R11, reg.R12, reg.R13}

	c.Load(c.Param("state"), reg.RAX)
	c.Load(c.Param("in"), reg.RDX)
	c.Load(c.Param("constants"), reg.RBX)
	for i, r := range z.a {
		c.VMOVDQU64(operand.Mem{Base: reg.RAX, Disp: 64 * i}, r)
	}
	for l := range lanes {
		if masks[l] != nil {
			c.MOVL(operand.U32(1<<l), reg.ECX)
			c.KMOVW(reg.ECX, masks[l])
		}
		c.MOVQ(operand.Mem{Base: reg.RDX, Disp: 8 * l}, lanes[l])
	}
	c.Load(c.Param("blocks"), reg.RCX)
	c.Label("block")
	z.absorb(lanes, masks)
	c.XORL(reg.EDX, reg.EDX)
	c.Label("round")
	z.round(operand.Mem{Base: reg.RBX, Index: reg.RDX, Scale: 8})
	c.INCQ(reg.RDX)
	c.CMPQ(reg.RDX, operand.U8(24))
	c.JNE(operand.LabelRef("round"))
	c.DECQ(reg.RCX)
	c.JNZ(operand.LabelRef("block"))
	for i, r := range z.a {
		c.VMOVDQU64(r, operand.Mem{Base: reg.RAX, Disp: 64 * i})
	}
	c.VZEROUPPER()
	c.RET()
}

// absorb adds a block of each lane to the state. A word of one lane is read into all places of a register, and a mask adds it
// to its own lane only. There are seven masks, so lane 0 has a load that clears the other places.
func (z *zmm) absorb(lanes, masks [8]reg.Register) {
	for w := range words {
		z.VMOVQ(operand.Mem{Base: lanes[0], Disp: 8 * w}, z.c[w%5].AsX())
		z.VPXORQ(z.c[w%5], z.a[w], z.a[w])
	}
	for l := 1; l < len(lanes); l++ {
		for w := range words {
			z.VPXORQ_BCST(operand.Mem{Base: lanes[l], Disp: 8 * w}, z.a[w], masks[l], z.a[w])
		}
	}
	for _, r := range lanes {
		z.ADDQ(operand.U8(rate), r)
	}
}

// round writes one round of Keccak-f. All words end where they began.
func (z *zmm) round(constant operand.Mem) {
	for x := range 5 {
		z.VMOVDQA64(z.a[x], z.c[x])
		z.VPTERNLOGQ(xor3, z.a[x+5], z.a[x+10], z.c[x])
		z.VPTERNLOGQ(xor3, z.a[x+15], z.a[x+20], z.c[x])
	}
	for x := range 5 {
		t := z.t[x%2]
		z.VPROLQ(operand.U8(1), z.c[(x+1)%5], t)
		for y := range 5 {
			z.VPTERNLOGQ(xor3, z.c[(x+4)%5], t, z.a[at(x, y)])
		}
	}
	rot, order := rotations(), cycle()
	z.VMOVDQA64(z.a[order[0]], z.t[0])
	for n, i := range order {
		from, src := order[(n+1)%24], z.t[0]
		if from != order[0] {
			src = z.a[from]
		}
		z.VPROLQ(operand.U8(rot[from]), src, z.a[i])
	}
	for y := range 5 {
		row := [7]reg.VecPhysical(append(append([]reg.VecPhysical{}, z.a[5*y:5*y+5]...), z.c[y], z.t[y%2]))
		z.VMOVDQA64(row[0], row[5])
		z.VMOVDQA64(row[1], row[6])
		for x := range 5 {
			z.VPTERNLOGQ(chiRow, row[x+2], row[x+1], row[x])
		}
	}
	z.VPXORQ_BCST(constant, z.a[0], z.a[0])
}
