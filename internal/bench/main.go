//go:build unix

// Command bench measures the times that operators wait for, as ratios against a yardstick. Ours and the yardstick take
// turns, because machines differ and the speed of one machine changes from minute to minute. The median of the ratios is
// printed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// bench is one run of the program.
type bench struct {
	ctx    context.Context
	bin    string
	dir    string
	size   int64 // bytes of payload
	snaps  int
	rounds int
	stops  []func()
	keep   bool
}

func main() {
	b := &bench{}
	var only string
	var mib int64
	flag.StringVar(&b.bin, "bin", "bin", "`folder` of the two programs")
	flag.StringVar(&only, "only", "", "`parts` to run, separated by commas; all by default: "+strings.Join(b.names(), ","))
	flag.Int64Var(&mib, "mib", 1024, "payload in MiB")
	flag.IntVar(&b.snaps, "snaps", 12, "number of snaps that the payload is divided into")
	flag.IntVar(&b.rounds, "rounds", 3, "rounds of each comparison")
	flag.StringVar(&b.dir, "dir", "", "`folder` to work in; it needs about nineteen times the payload")
	keep := flag.Bool("keep", false, "leave the folder for a closer look")
	serve := flag.String("constant-server", "", "internal: serve a constant of this many bytes")
	pull := flag.String("crane-pull", "", "internal: pull this image into the folder that follows")
	flag.Parse()
	if *pull != "" {
		if err := cranePull(*pull, flag.Arg(0)); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}
	if *serve != "" {
		fmt.Fprintln(os.Stderr, "bench:", constantServer(*serve))
		os.Exit(1)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	b.ctx, b.size, b.keep = ctx, mib<<20, *keep
	if err := b.run(only); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// part is a group of rows.
type part struct {
	name string
	run  func() error
}

func (b *bench) parts() []part {
	return []part{
		{"mixed", b.mixed}, {"pack", b.pack}, {"inspection", b.inspection}, {"push", b.push}, {"parts", b.divided}, {"single", b.single}, {"files", b.files},
		{"scrub", b.scrub}, {"questions", b.questions}, {"charms", b.charms}, {"memory", b.memory}, {"carrying", b.carrying}, {"refresh", b.refresh},
		{"sessions", b.sessions}, {"serials", b.serials}, {"fleet", b.fleet}, {"download", b.download}, {"large", b.large},
		{"connections", b.connections}, {"edge", b.edge},
	}
}

func (b *bench) names() (names []string) {
	for _, p := range b.parts() {
		names = append(names, p.name)
	}
	return names
}

// choose returns the parts that are named, or all of them.
func (b *bench) choose(only string) ([]part, error) {
	all := b.parts()
	if only == "" {
		return all, nil
	}
	var chosen []part
	for name := range strings.SplitSeq(only, ",") {
		i := slices.IndexFunc(all, func(p part) bool { return p.name == name })
		if i < 0 {
			return nil, fmt.Errorf("-only %s: no such part, want some of %s", name, strings.Join(b.names(), ","))
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

func (b *bench) run(only string) (err error) {
	chosen, err := b.choose(only)
	if err != nil {
		return err
	}
	if b.bin, err = filepath.Abs(b.bin); err != nil {
		return err
	}
	if b.dir, err = os.MkdirTemp(b.dir, "offlinestore-bench-"); err != nil {
		return err
	}
	defer func() {
		b.stopServers()
		if b.keep {
			fmt.Println("kept:", b.dir)
			return
		}
		err = errors.Join(err, os.RemoveAll(b.dir))
	}()
	if err := os.Chmod(b.dir, 0o755); err != nil { // the store's own user must reach its data
		return err
	}
	fmt.Println(processor())
	fmt.Printf("%-42s %10s %10s %7s %7s\n", "", "ours", "yardstick", "ratio", "goal")
	for _, part := range chosen {
		if err := errors.Join(part.run(), b.clear()); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	return nil
}

// clear removes the files of a part, so that all parts need no more space than the largest. The configuration of store-admin stays.
func (b *bench) clear() error {
	b.stopServers()
	entries, err := os.ReadDir(b.dir)
	for _, e := range entries {
		if e.Name() != configFolder && !b.keep {
			err = errors.Join(err, os.RemoveAll(b.path(e.Name())))
		}
	}
	return err
}

// path returns a path below the working folder.
func (b *bench) path(name ...string) string {
	return filepath.Join(append([]string{b.dir}, name...)...)
}

// timed runs f and returns the time it took.
func timed(f func() error) (time.Duration, error) {
	start := time.Now()
	err := f()
	return time.Since(start), err
}

// timedQuietly returns the time of f, which begins when the disk has nothing left to write.
func (b *bench) timedQuietly(f func() error) (time.Duration, error) {
	if err := exec.CommandContext(b.ctx, "sync").Run(); err != nil {
		return 0, err
	}
	return timed(f)
}

// comparison is a comparison of ours with a yardstick. prepare is not timed and may be nil.
type comparison struct {
	name, goal            string
	prepare, ours, theirs func(round int) error
}

// compare runs ours and the yardstick in turns and prints the median ratio of the two. They also take turns in which is first, because the disk
// may still be busy with the work of the first when the second begins.
func (b *bench) compare(d comparison) error {
	var ratios, a, c []float64
	for round := range b.rounds + 1 {
		if d.prepare != nil {
			if err := d.prepare(round); err != nil {
				return err
			}
		}
		var ours, theirs time.Duration
		both := []func() error{
			func() (err error) { theirs, err = b.timedQuietly(func() error { return d.theirs(round) }); return },
			func() (err error) { ours, err = b.timedQuietly(func() error { return d.ours(round) }); return },
		}
		for i := range both {
			if err := both[(i+round)%2](); err != nil {
				return err
			}
		}
		if round == 0 {
			continue // to warm up
		}
		ratios, a, c = append(ratios, ours.Seconds()/theirs.Seconds()), append(a, ours.Seconds()), append(c, theirs.Seconds())
	}
	fmt.Printf("%-42s %9.2fs %9.2fs %7.3f %7s\n", d.name, median(a), median(c), median(ratios), d.goal)
	return nil
}

func median(v []float64) float64 {
	v = slices.Clone(v)
	slices.Sort(v)
	return v[len(v)/2]
}
