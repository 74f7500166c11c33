//go:build unix

package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/cpu"

	"offlinestore/blob"
	"offlinestore/keccak"
)

// processor describes the processor, and the features of it that hashing uses.
func processor() string {
	name := "unknown processor"
	text, _ := os.ReadFile("/proc/cpuinfo") // other systems have none
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			name = strings.TrimSpace(value)
			break
		}
	}
	k := keccak.Fastest()
	var features []string
	for _, f := range []struct {
		name string
		have bool
	}{{"AVX2", cpu.X86.HasAVX2}, {"AVX-512", cpu.X86.HasAVX512F}, {"SHA-2 of arm64", cpu.ARM64.HasSHA2}, {"SHA-3 of arm64", cpu.ARM64.HasSHA3}} {
		if f.have {
			features = append(features, f.name)
		}
	}
	return fmt.Sprintf("%s, %d processors (%s); SHA3-384 in %d lanes (%s)", name, runtime.NumCPU(), strings.Join(append(features, runtime.GOARCH), ", "), k.Lanes, k.Name)
}

// mixed compares hashing with SHA-256 and SHA3-384 in turns on one thread with the sum of the two. They differ where one of them leaves
// the processor in a state in which the other is slow.
func (b *bench) mixed() error {
	const parts, size = 2000, 630 * keccak.Rate
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	k := keccak.Fastest()
	sponges, in := k.New(), make([][]byte, k.Lanes)
	for l := range in {
		in[l] = make([]byte, size)
	}
	sum := sha256.New()
	sha3s := func() { sponges.Absorb(in) }
	sha2s := func() {
		for _, p := range in {
			sum.Write(p)
		}
	}
	repeat := func(each ...func()) time.Duration {
		t, _ := timed(func() error {
			for range parts / k.Lanes {
				for _, f := range each {
					f()
				}
			}
			return nil
		})
		return t
	}
	var ratios, a, c []float64
	for range b.rounds + 1 {
		separate, together := repeat(sha3s)+repeat(sha2s), repeat(sha3s, sha2s)
		a, c = append(a, together.Seconds()), append(c, separate.Seconds())
		ratios = append(ratios, together.Seconds()/separate.Seconds())
	}
	fmt.Printf("%-42s %9.2fs %9.2fs %7.3f %7s\n", "both hashes in turns, against their sum", median(a), median(c), median(ratios), "<= 1.2")
	if median(ratios) > 2 {
		return errors.New("one of the hashes slows down the other")
	}
	return nil
}

// hashBoth computes both digests of files from memory, with all processors and lanes.
func (b *bench) hashBoth(files []string) error {
	h := blob.NewHasher(0)
	var mu sync.Mutex
	var errs []error
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		fi, err := f.Stat()
		if err != nil {
			return err
		}
		err = h.Submit(b.ctx, blob.Job{Reader: f, Size: fi.Size(), SHA256: true, Done: func(_ blob.Sum, err error) {
			mu.Lock()
			defer mu.Unlock()
			errs = append(errs, err, f.Close())
		}})
		if err != nil {
			return err
		}
	}
	h.Close()
	return errors.Join(errs...)
}
