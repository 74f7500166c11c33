package keccak

import (
	"bytes"
	"crypto/sha3"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"
)

func bytesAt(p *byte, n int) []byte { return unsafe.Slice(p, n) }

// digests returns the digests of contents, hashed at once. Each part has so many blocks of each of them.
func digests(t testing.TB, k *Kernel, part int, contents [][]byte) (out [][Size]byte) {
	t.Helper()
	s := k.New()
	blocks := 0
	padded := make([][]byte, k.Lanes)
	for l := range padded {
		s.Reset(l)
		padded[l] = Pad(append(make([]byte, 0, len(contents[l])+Rate), contents[l]...))
		blocks = max(blocks, len(padded[l])/Rate)
	}
	out = make([][Size]byte, k.Lanes)
	for b := 0; b < blocks; b += part {
		in := make([][]byte, k.Lanes)
		n := part
		for l := range padded {
			if left := len(padded[l])/Rate - b; left > 0 {
				n = min(n, left)
			}
		}
		for l := range padded {
			if in[l] = make([]byte, n*Rate); len(padded[l]) > b*Rate {
				copy(in[l], padded[l][b*Rate:])
			}
		}
		s.Absorb(in)
		for l := range padded {
			if len(padded[l]) == (b+n)*Rate {
				out[l] = s.Digest(l)
			}
		}
		b += n - part
	}
	return out
}

func all(t testing.TB) []*Kernel { return append(Kernels(), interpreted(t)) }

// TestVectors holds each kernel to the examples of FIPS 202 by the NIST, in each lane.
func TestVectors(t *testing.T) {
	t.Parallel()
	vectors := []struct{ message, digest string }{
		{"", "0c63a75b845e4f7d01107d852e4c2485c51a50aaaa94fc61995e71bbee983a2ac3713831264adb47fb6bd1e058d5f004"},
		{"abc", "ec01498288516fc926459f58e2c6ad8df9b473cb0fc08c2596da7cf0e49be4b298d88cea927ac7f539f1edf228376d25"},
		{"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "991c665755eb3a4b6bbdfb75c78a492e8c56a22c5c4d7e429bfdbc32b9d4ad5aa04a1f076e62fea19eef51acd0657c22"},
		{"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu", "79407d3b5916b59c3e30b09822974791c313fb9ecc849e406f23592d04f625dc8c709b98b43b3852b337216179aa7fc7"},
		{strings.Repeat("\xa3", 200), "1881de2ca7e41ef95dc4732b8f5f002b189cc1e42b74168ed1732649ce1dbcdd76197a31fd55ee989f2d7050dd473e8f"},
	}
	for _, k := range all(t) {
		for shift := range vectors {
			contents := make([][]byte, k.Lanes)
			for l := range contents {
				contents[l] = []byte(vectors[(l+shift)%len(vectors)].message)
			}
			for l, sum := range digests(t, k, 1, contents) {
				if got, want := hex.EncodeToString(sum[:]), vectors[(l+shift)%len(vectors)].digest; got != want {
					t.Errorf("%s, lane %d: SHA3-384 of %.40q = %s, want %s", k.Name, l, contents[l], got, want)
				}
			}
		}
	}
}

// checkLanes compares each lane with crypto/sha3.
func checkLanes(t *testing.T, k *Kernel, part int, contents [][]byte) {
	t.Helper()
	for l, got := range digests(t, k, part, contents) {
		if want := sha3.Sum384(contents[l]); got != want {
			t.Errorf("%s, lane %d, %d bytes: got %x, want %x", k.Name, l, len(contents[l]), got, want)
		}
	}
}

func TestLengths(t *testing.T) {
	t.Parallel()
	random := make([]byte, 30*Rate)
	rand.NewChaCha8([32]byte{1}).Read(random)
	for _, k := range all(t) {
		for n := range 3 * Rate {
			if n%29 > 0 && n%Rate > 1 && n%Rate < Rate-2 && strings.Contains(k.Name, "interpreted") {
				continue // the interpreter is slow
			}
			contents := make([][]byte, k.Lanes)
			for l := range contents {
				contents[l] = random[l : l+n+l*Rate%997]
			}
			checkLanes(t, k, 1+n%5, contents)
		}
	}
}

// FuzzKernels compares every kernel with crypto/sha3, each lane with a part of the input of its own.
func FuzzKernels(f *testing.F) {
	f.Add([]byte("some content"), uint16(3), uint8(7))
	f.Add(bytes.Repeat([]byte{0xff, 0}, 700), uint16(500), uint8(1))
	kernels := all(f)
	f.Fuzz(func(t *testing.T, data []byte, cut uint16, part uint8) {
		for _, k := range kernels {
			if len(data) > 4<<10 && strings.Contains(k.Name, "interpreted") {
				continue
			}
			contents := make([][]byte, k.Lanes)
			for l := range contents {
				contents[l] = data[min(len(data), int(cut)*l/2):]
			}
			checkLanes(t, k, 1+int(part), contents)
		}
	})
}

// TestExport moves sponges to the library in the middle of their content, and back.
func TestExport(t *testing.T) {
	t.Parallel()
	content := bytes.Repeat([]byte("0123456789abc"), 80)
	for _, k := range all(t) {
		s := k.New()
		in := make([][]byte, k.Lanes)
		for l := range in {
			in[l] = content[l*Rate : (l+1)*Rate]
		}
		s.Absorb(in)
		lane := k.Lanes - 1
		h, err := s.Export(lane)
		if err != nil {
			t.Fatal(err)
		}
		h.Write(in[0])
		if err := s.Restore(lane, h); err != nil {
			t.Fatal(err)
		}
		for l := range in {
			in[l] = Pad(make([]byte, 0, Rate))
		}
		s.Absorb(in)
		want := sha3.Sum384(append(append([]byte{}, content[lane*Rate:(lane+1)*Rate]...), content[:Rate]...))
		if got := s.Digest(lane); got != want {
			t.Errorf("%s: %x, want %x", k.Name, got, want)
		}
	}
}

// TestFastest prefers the kernel that takes the least time for a lane.
func TestFastest(t *testing.T) {
	t.Parallel()
	sleep := func(lanes int, d time.Duration) *Kernel {
		return &Kernel{Lanes: lanes, absorb: func(*Sponges, *[maxLanes]*byte, int) { time.Sleep(d) }}
	}
	slow, wide, narrow := sleep(1, 20*time.Millisecond), sleep(8, 40*time.Millisecond), sleep(2, 30*time.Millisecond)
	for _, kernels := range [][]*Kernel{{slow, wide, narrow}, {wide, narrow, slow}, {narrow, slow, wide}} {
		if got := fastest(kernels); got != wide {
			t.Errorf("the fastest of 20, 40/8 and 30/2 ms has %d lanes, want 8", got.Lanes)
		}
	}
	if !slices.ContainsFunc(Kernels(), func(k *Kernel) bool { return k.Name == Fastest().Name }) {
		t.Errorf("%s is no kernel of this processor", Fastest().Name)
	}
}

func BenchmarkKernels(b *testing.B) {
	const size = 630 * Rate
	b.Run("crypto/sha3", func(b *testing.B) {
		h, buf := sha3.New384(), make([]byte, size)
		b.SetBytes(size)
		for b.Loop() {
			h.Write(buf)
		}
	})
	for _, k := range Kernels() {
		b.Run(fmt.Sprintf("%s, %d lanes", k.Name, k.Lanes), func(b *testing.B) {
			s, in := k.New(), make([][]byte, k.Lanes)
			for l := range in {
				in[l] = make([]byte, size)
			}
			b.SetBytes(int64(size * k.Lanes))
			for b.Loop() {
				s.Absorb(in)
			}
		})
	}
}
