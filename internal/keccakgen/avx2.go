package main

import (
	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// ymm holds the registers of four lanes. The state stays in memory, because 16 registers cannot hold it.
type ymm struct {
	*build.Context
	c, d, b [5]reg.VecPhysical
	t       reg.VecPhysical
	// slot holds the place of each word in memory. A round writes each row where it has read it, so that the places change. After
	// four rounds they are as before.
	slot [25]int
}

// absorb4 writes the kernel of four lanes for AVX2.
func absorb4(c *build.Context) {
	c.Function("absorb4")
	c.Attributes(attr.NOSPLIT)
	c.Pragma("noescape")
	c.Doc("absorb4 absorbs whole blocks into four sponges, word i of sponge l at state[4*i+l].")
	c.SignatureExpr("func(state *uint64, in *[4]*byte, constants *[24]uint64, blocks int)")
	y := &ymm{
		Context: c,
		c:       [5]reg.VecPhysical{reg.Y0, reg.Y1, reg.Y2, reg.Y3, reg.Y4},
		d:       [5]reg.VecPhysical{reg.Y5, reg.Y6, reg.Y7, reg.Y8, reg.Y9},
		b:       [5]reg.VecPhysical{reg.Y10, reg.Y11, reg.Y12, reg.Y13, reg.Y14},
		t:       reg.Y15,
	}
	for i := range y.slot {
		y.slot[i] = i
	}
	start := y.slot
	lanes := [4]reg.Register{reg.RSI, reg.RDI, reg.R8, reg.R9}
	c.Load(c.Param("state"), reg.RAX)
	c.Load(c.Param("in"), reg.RDX)
	for l, r := range lanes {
		c.MOVQ(operand.Mem{Base: reg.RDX, Disp: 8 * l}, r)
	}
	c.Load(c.Param("blocks"), reg.RCX)
	c.Label("block")
	y.absorb(lanes)
	y.parities()
	c.Load(c.Param("constants"), reg.RBX)
	c.MOVL(operand.U32(6), reg.EDX)
	c.Label("rounds")
	for r := range 4 {
		y.round(operand.Mem{Base: reg.RBX, Disp: 8 * r})
	}
	if y.slot != start {
		panic("the words are not where they were four rounds before")
	}
	c.ADDQ(operand.U8(32), reg.RBX)
	c.DECQ(reg.RDX)
	c.JNZ(operand.LabelRef("rounds"))
	c.DECQ(reg.RCX)
	c.JNZ(operand.LabelRef("block"))
	c.VZEROUPPER()
	c.RET()
}

// word returns the memory of a word of the state.
func (y *ymm) word(i int) operand.Mem { return operand.Mem{Base: reg.RAX, Disp: 32 * y.slot[i]} }

// absorb adds a block of each lane to the state. It transposes four words of the four lanes at a time.
func (y *ymm) absorb(lanes [4]reg.Register) {
	in, half, out := [4]reg.VecPhysical(y.b[:4]), [4]reg.VecPhysical(y.c[:4]), y.t
	for w := 0; w+4 <= words; w += 4 {
		for l, r := range lanes {
			y.VMOVDQU(operand.Mem{Base: r, Disp: 8 * w}, in[l])
		}
		y.VPUNPCKLQDQ(in[1], in[0], half[0])
		y.VPUNPCKHQDQ(in[1], in[0], half[1])
		y.VPUNPCKLQDQ(in[3], in[2], half[2])
		y.VPUNPCKHQDQ(in[3], in[2], half[3])
		for i := range 4 {
			y.VPERM2I128(operand.U8(0x20+i/2*0x11), half[2+i%2], half[i%2], out)
			y.add(out, w+i)
		}
	}
	const last = words - 1
	for i := range 2 {
		y.VMOVQ(operand.Mem{Base: lanes[2*i], Disp: 8 * last}, in[i].AsX())
		y.VPINSRQ(operand.U8(1), operand.Mem{Base: lanes[2*i+1], Disp: 8 * last}, in[i].AsX(), in[i].AsX())
	}
	y.VINSERTI128(operand.U8(1), in[1].AsX(), in[0], out)
	y.add(out, last)
	for _, r := range lanes {
		y.ADDQ(operand.U8(rate), r)
	}
}

// add adds a register to a word of the state.
func (y *ymm) add(r reg.VecPhysical, word int) {
	y.VPXOR(y.word(word), r, r)
	y.VMOVDQU(r, y.word(word))
}

// parities computes the parities of the columns for the first round. Every round leaves them to the next.
func (y *ymm) parities() {
	for x := range 5 {
		y.VMOVDQU(y.word(x), y.c[x])
	}
	for i := 5; i < 25; i++ {
		y.VPXOR(y.word(i), y.c[i%5], y.c[i%5])
	}
}

// round writes one round of Keccak-f.
func (y *ymm) round(constant operand.Mem) {
	for x := range 5 {
		y.VPSRLQ(operand.U8(63), y.c[(x+1)%5], y.t)
		y.VPADDQ(y.c[(x+1)%5], y.c[(x+1)%5], y.d[x])
		y.VPXOR(y.c[(x+4)%5], y.t, y.t)
		y.VPXOR(y.t, y.d[x], y.d[x])
	}
	rot := rotations()
	var next [25]int
	for row := range 5 {
		var places [5]int // by column of memory, of the words that make this row
		for x := range 5 {
			from := origin(x, row)
			places[from%5] = y.slot[from]
			y.VPXOR(y.word(from), y.d[from%5], y.b[x])
			if n := rot[from]; n > 0 {
				y.VPSLLQ(operand.U8(n), y.b[x], y.t)
				y.VPSRLQ(operand.U8(64-n), y.b[x], y.b[x])
				y.VPOR(y.t, y.b[x], y.b[x])
			}
		}
		for x := range 5 {
			next[at(x, row)] = places[x]
			y.chi(x, row, operand.Mem{Base: reg.RAX, Disp: 32 * places[x]}, constant)
		}
	}
	y.slot = next
}

// chi writes a word of the next state from a row, and adds it to the parity of its column.
func (y *ymm) chi(x, row int, to, constant operand.Mem) {
	out := y.t
	if row == 0 {
		out = y.c[x]
	}
	y.VPANDN(y.b[(x+2)%5], y.b[(x+1)%5], out)
	y.VPXOR(y.b[x], out, out)
	if x+row == 0 {
		y.VPBROADCASTQ(constant, y.t)
		y.VPXOR(y.t, out, out)
	}
	y.VMOVDQU(out, to)
	if row > 0 {
		y.VPXOR(out, y.c[x], y.c[x])
	}
}
