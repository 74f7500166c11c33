package keccak

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// interpreted returns the kernel of eight lanes, run by an interpreter of its assembly. So the tests hold it to the library on
// machines without AVX-512, too.
func interpreted(t testing.TB) *Kernel {
	t.Helper()
	text, err := os.ReadFile("absorb_amd64.s")
	if err != nil {
		t.Fatal(err)
	}
	_, code, _ := strings.Cut(string(text), "TEXT ·absorb8(SB)")
	_, code, _ = strings.Cut(code, "\n")
	program := strings.Split(code, "\n")
	return &Kernel{Name: "AVX-512, interpreted", Lanes: 8, absorb: func(s *Sponges, in *[maxLanes]*byte, blocks int) {
		m := newMachine(s, in, blocks)
		if err := m.run(program); err != nil {
			t.Fatal(err)
		}
		for i := range s.state {
			s.state[i] = m.load(uint64(8 * i))
		}
	}}
}

// machine is a processor with AVX-512, as far as the kernel needs it, with its memory.
type machine struct {
	mem    []byte
	params map[string]uint64
	gp     map[string]uint64
	zmm    map[string]*[8]uint64
	mask   map[string]uint64
	zero   bool
	err    error
}

// newMachine lays the arguments out in a memory: the state, the constants, the table of the lanes, and the blocks.
func newMachine(s *Sponges, in *[maxLanes]*byte, blocks int) *machine {
	m := &machine{gp: map[string]uint64{}, zmm: map[string]*[8]uint64{}, mask: map[string]uint64{}}
	word := func(v uint64) { m.mem = binary.LittleEndian.AppendUint64(m.mem, v) }
	m.params = map[string]uint64{"state+0(FP)": 0, "blocks+24(FP)": uint64(blocks)}
	for _, v := range s.state {
		word(v)
	}
	m.params["constants+16(FP)"] = uint64(len(m.mem))
	for _, v := range constants {
		word(v)
	}
	m.params["in+8(FP)"] = uint64(len(m.mem))
	first := len(m.mem) + 8*maxLanes
	for l := range maxLanes {
		word(uint64(first + l*blocks*Rate))
	}
	for l := range maxLanes {
		m.mem = append(m.mem, bytesAt(in[l], blocks*Rate)...)
	}
	for i := range 32 {
		m.zmm[fmt.Sprint("Z", i)] = &[8]uint64{0xdead, 0xbeef, 1, 2, 3, 4, 5, 6} // left there by other code
	}
	return m
}

func (m *machine) run(program []string) error {
	labels := map[string]int{}
	for i, line := range program {
		if name, ok := strings.CutSuffix(line, ":"); ok {
			labels[name] = i
		}
	}
	cleared := false
	for at := 0; at < len(program); at++ {
		op, rest, _ := strings.Cut(strings.TrimSpace(program[at]), " ")
		args := strings.Split(strings.TrimSpace(rest), ", ")
		switch {
		case op == "" || strings.HasSuffix(op, ":"):
		case op == "RET" && !cleared:
			return fmt.Errorf("the kernel ends without VZEROUPPER")
		case op == "RET":
			return nil
		case op == "JNE" || op == "JNZ":
			if !m.zero {
				at = labels[args[0]]
			}
		default:
			if cleared = op == "VZEROUPPER"; !cleared {
				m.step(op, args)
			}
		}
		if m.err != nil {
			return fmt.Errorf("%s: %w", program[at], m.err)
		}
	}
	return fmt.Errorf("the kernel does not end")
}

func (m *machine) step(op string, a []string) {
	last := a[len(a)-1]
	switch op {
	case "MOVQ":
		m.gp[last] = m.value(a[0])
	case "MOVL":
		m.gp[last] = uint64(uint32(m.value(a[0])))
	case "KMOVW":
		m.mask[last] = uint64(uint16(m.gp[a[0]]))
	case "XORL":
		m.gp[last] = uint64(uint32(m.gp[last] ^ m.gp[a[0]]))
	case "ADDQ":
		m.count(last, m.value(a[0]))
	case "INCQ":
		m.count(last, 1)
	case "DECQ":
		m.count(last, ^uint64(0))
	case "CMPQ":
		m.zero = m.gp[a[0]] == m.value(a[1])
	default:
		m.vector(op, a, last)
	}
}

// count adds to a general register, and sets the flag.
func (m *machine) count(r string, n uint64) {
	m.gp[r] += n
	m.zero = m.gp[r] == 0
}

func (m *machine) vector(op string, a []string, last string) {
	switch op {
	case "VMOVDQU64", "VMOVDQA64":
		m.move(a[0], last)
	case "VMOVQ":
		*m.reg("Z" + last[1:]) = [8]uint64{m.value(a[0])}
	case "VPXORQ":
		x, y := *m.reg(a[0]), *m.reg(a[1])
		m.set(last, "", func(i int) uint64 { return x[i] ^ y[i] })
	case "VPXORQ.BCST":
		mask, x, y := "", m.value(a[0]), *m.reg(a[1])
		if len(a) == 4 {
			mask = a[2]
		}
		m.set(last, mask, func(i int) uint64 { return x ^ y[i] })
	case "VPROLQ":
		n, x := m.value(a[0]), *m.reg(a[1])
		m.set(last, "", func(i int) uint64 { return bits.RotateLeft64(x[i], int(n)) })
	case "VPTERNLOGQ":
		table, z, y, x := m.value(a[0]), *m.reg(a[1]), *m.reg(a[2]), *m.reg(last)
		m.set(last, "", func(i int) uint64 { return lookUp(table, x[i], y[i], z[i]) })
	default:
		m.err = fmt.Errorf("the interpreter does not know %s", op)
	}
}

// lookUp applies a table of eight bits to three words, bit by bit.
func lookUp(table, x, y, z uint64) (out uint64) {
	for b := range 64 {
		out |= table >> (x>>b&1<<2 | y>>b&1<<1 | z>>b&1) & 1 << b
	}
	return out
}

// set writes those places of a register that a mask names, or all.
func (m *machine) set(r, mask string, value func(int) uint64) {
	z := m.reg(r)
	for i := range z {
		if mask == "" || m.mask[mask]>>i&1 == 1 {
			z[i] = value(i)
		}
	}
}

func (m *machine) move(from, to string) {
	switch {
	case m.zmm[from] != nil && m.zmm[to] != nil:
		*m.zmm[to] = *m.zmm[from]
	case m.zmm[to] != nil:
		at := m.address(from)
		m.set(to, "", func(i int) uint64 { return m.load(at + uint64(8*i)) })
	default:
		for i, v := range m.reg(from) {
			binary.LittleEndian.PutUint64(m.mem[m.address(to)+uint64(8*i):], v)
		}
	}
}

func (m *machine) reg(name string) *[8]uint64 {
	if z := m.zmm[name]; z != nil {
		return z
	}
	m.err = fmt.Errorf("no register %s", name)
	return new([8]uint64)
}

func (m *machine) load(at uint64) uint64 { return binary.LittleEndian.Uint64(m.mem[at:]) }

// value returns an immediate value, a parameter, or a word of the memory.
func (m *machine) value(arg string) uint64 {
	if v, ok := m.params[arg]; ok {
		return v
	}
	if text, ok := strings.CutPrefix(arg, "$"); ok {
		v, err := strconv.ParseUint(text, 0, 64)
		m.err = err
		return v
	}
	return m.load(m.address(arg))
}

var operandForm = regexp.MustCompile(`^(\d*)\((\w+)\)(?:\((\w+)\*(\d)\))?$`)

// address returns the address that an operand names: offset(base)(index*scale).
func (m *machine) address(arg string) uint64 {
	f := operandForm.FindStringSubmatch(arg)
	if f == nil {
		m.err = fmt.Errorf("no operand: %s", arg)
		return 0
	}
	offset, _ := strconv.ParseUint(f[1], 10, 32)
	scale, _ := strconv.ParseUint(f[4], 10, 32)
	return m.gp[f[2]] + offset + m.gp[f[3]]*scale
}
