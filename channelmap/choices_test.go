package channelmap_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"offlinestore/channel"
)

// choices turns random or fuzzed bytes into the choices of a history.
type choices struct{ data []byte }

// n returns a number below most. It is 0 after the last byte.
func (c *choices) n(most int) int {
	if len(c.data) == 0 {
		return 0
	}
	b := int(c.data[0])
	c.data = c.data[1:]
	return b % most
}

func (c *choices) done() bool { return len(c.data) == 0 }

func pick[T any](c *choices, list []T) T { return list[c.n(len(list))] }

// The names used in histories. The platform all is for overrides only.
var (
	platforms = []string{"amd64", "arm64", "riscv64"}
	channels  = []string{"latest/stable", "latest/candidate", "latest/beta", "latest/edge", "latest/edge/fix", "1/stable", "1/edge"}
	times     = []string{"", "2024-01-01T00:00:00Z", "2024-02-01T00:00:00+01:00", "2024-03-01T00:00:00Z"}
)

const all = "all"

func parse(t *testing.T, s string) channel.Channel {
	t.Helper()
	c, err := channel.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// below returns the channels that serve clients of s, s first. It is the model's own implementation of the fall-back.
func below(s string) []string {
	track, risk, _ := strings.Cut(s, "/")
	risk, branch, isBranch := strings.Cut(risk, "/")
	var out []string
	if isBranch {
		out = append(out, track+"/"+risk+"/"+branch)
	}
	risks := []string{"edge", "beta", "candidate", "stable"}
	for _, r := range risks[slices.Index(risks, risk):] {
		out = append(out, track+"/"+r)
	}
	return out
}

// runsEverywhere reports whether revision n runs everywhere: every multiple of four does. Revisions above six write epoch 2, and
// above three epoch 1. Revision 7 also reads epoch 1.
func runsEverywhere(n int) bool { return n%4 == 0 }

func writes(n int) int { return min(2, (n-1)/3) }

func reads(n, epoch int) bool { return writes(n) == epoch || n == 7 && epoch == 1 }

const maxRevision = 9

// random returns the bytes of the history with this number.
func random(number, length int) []byte {
	r := rand.New(rand.NewPCG(uint64(number), 7))
	out := make([]byte, 1+r.IntN(length))
	for i := range out {
		out[i] = byte(r.Uint32())
	}
	return out
}

// histories returns the number of random histories that a test compares with its model.
func histories() int {
	if testing.Short() {
		return 300
	}
	return 5000
}

func TestRandomHistories(t *testing.T) {
	t.Parallel()
	for i := range histories() {
		if !t.Run(fmt.Sprint(i), func(t *testing.T) { compareHistory(t, random(i, 200)) }) {
			return
		}
	}
}

func TestRandomExports(t *testing.T) {
	t.Parallel()
	for i := range histories() {
		if !t.Run(fmt.Sprint(i), func(t *testing.T) { compareExport(t, random(i, 120)) }) {
			return
		}
	}
}

func FuzzHistories(f *testing.F) {
	for i := range 20 {
		f.Add(random(i, 200))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		data = data[:min(len(data), 1000)]
		compareHistory(t, data)
		compareExport(t, data)
	})
}
