package squashfs

import "errors"

var errLZO = errors.New("bad LZO data")

// lzo unpacks the format LZO1X (Documentation/staging/lzo.rst in the Linux kernel). state counts the literals that the last instruction
// copied, and is 4 for a longer run. The meaning of a small instruction depends on it.
type lzo struct {
	in    []byte
	out   []byte
	max   int
	state int
}

// decompressLZO unpacks a block of LZO1X.
func decompressLZO(b []byte, max int) ([]byte, error) {
	l := &lzo{in: b, max: max}
	if len(b) > 0 && b[0] > 17 {
		n := int(l.byte()) - 17
		if !l.literals(n) {
			return nil, errLZO
		}
		l.state = min(n, 4)
	}
	for {
		if len(l.in) == 0 {
			return nil, errLZO
		}
		end, ok := l.step(int(l.byte()))
		if !ok || end && len(l.in) > 0 {
			return nil, errLZO
		}
		if end {
			return l.out, nil
		}
	}
}

// byte returns the next byte, or 0 at the end. The copy that follows then fails.
func (l *lzo) byte() byte {
	if len(l.in) == 0 {
		return 0
	}
	b := l.in[0]
	l.in = l.in[1:]
	return b
}

// step executes an instruction.
func (l *lzo) step(t int) (end, ok bool) {
	switch {
	case t < 16 && l.state == 0:
		n, ok := l.length(t, 15, 3)
		l.state = 4
		return false, ok && l.literals(n)
	case t < 16 && l.state == 4:
		return false, l.match(3, int(l.byte())<<2+t>>2+2049, t&3)
	case t < 16:
		return false, l.match(2, int(l.byte())<<2+t>>2+1, t&3)
	case t < 32:
		return l.far(t)
	case t < 64:
		n, ok := l.length(t&31, 31, 2)
		low := int(l.byte())
		low |= int(l.byte()) << 8
		return false, ok && l.match(n, low>>2+1, low&3)
	case t < 128:
		return false, l.match(3+t>>5&1, int(l.byte())<<3+t>>2&7+1, t&3)
	}
	return false, l.match(5+t>>5&3, int(l.byte())<<3+t>>2&7+1, t&3)
}

// far executes the instruction that copies from 16 KiB back and more, and the one that ends the data.
func (l *lzo) far(t int) (end, ok bool) {
	const endDistance = 16384
	n, ok := l.length(t&7, 7, 2)
	if len(l.in) < 2 {
		return false, false
	}
	low := int(l.byte())
	low |= int(l.byte()) << 8
	distance := endDistance + t&8<<11 + low>>2
	if distance == endDistance {
		return true, ok
	}
	return false, ok && l.match(n, distance, low&3)
}

// length returns the length in an instruction. 0 means that it continues in the next bytes.
func (l *lzo) length(n, full, add int) (int, bool) {
	if n > 0 {
		return n + add, true
	}
	for n = full; ; n += 255 {
		if len(l.in) == 0 || n > l.max {
			return 0, false
		}
		if b := int(l.byte()); b > 0 {
			return n + b + add, true
		}
	}
}

// literals copies n bytes of the input.
func (l *lzo) literals(n int) bool {
	if n > len(l.in) || n > l.max-len(l.out) {
		return false
	}
	l.out, l.in = append(l.out, l.in[:n]...), l.in[n:]
	return true
}

// match repeats n bytes of the output, which may overlap their copy, and copies some literals.
func (l *lzo) match(n, distance, literals int) bool {
	from := len(l.out) - distance
	if from < 0 || n > l.max-len(l.out) {
		return false
	}
	for i := range n {
		l.out = append(l.out, l.out[from+i])
	}
	l.state = literals
	return l.literals(literals)
}
