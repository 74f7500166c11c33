// Testsummary reads the output of go test -json and shows a summary: a line for each package, the output of failed tests, the
// slowest tests. It fails if a test failed, if none ran, and if one was skipped: in CI, where it runs, the machine has everything
// that the tests need.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
)

func main() {
	s := newSummary(os.Stdout)
	if err := errors.Join(s.read(os.Stdin), s.close()); err != nil {
		fmt.Fprintln(os.Stderr, "testsummary:", err)
		os.Exit(1)
	}
}

// helperSkip begins the reason of a skipped test that another test runs as a process of its own. Such a test is not counted as
// skipped.
const helperSkip = "only run by Test"

// maxOutput is the number of bytes kept of one test's output.
const maxOutput = 64 << 10

// event is a line of go test -json: see go doc test2json.
type event struct {
	Action, Package, ImportPath, Test, Output string
	Elapsed                                   float64
}

// name returns the test, or the package for an event without a test.
func (e event) name() string {
	return strings.TrimRight(e.Package+" "+e.Test, " ")
}

type timing struct {
	name    string
	seconds float64
}

type summary struct {
	out             io.Writer
	output          map[string]*strings.Builder // the output of running tests, by name
	timings         []timing
	failed, skipped []string
	passed          int
}

func newSummary(out io.Writer) *summary {
	return &summary{out: out, output: map[string]*strings.Builder{}}
}

// read shows events as they arrive. It passes other lines on, such as the output of the commands before go test.
func (s *summary) read(r io.Reader) error {
	for lines := bufio.NewReader(r); ; {
		line, err := lines.ReadString('\n')
		var e event
		if json.Unmarshal([]byte(line), &e) == nil && e.Action != "" {
			s.addEvent(e)
		} else {
			fmt.Fprint(s.out, line)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the output of go test: %w", err)
		}
	}
}

func (s *summary) addEvent(e event) {
	switch e.Action {
	case "build-output":
		fmt.Fprint(s.out, e.Output)
	case "output":
		s.keep(e)
	case "pass", "fail", "skip":
		s.end(e)
	}
}

// keep keeps the output of tests until their result is known.
func (s *summary) keep(e event) {
	if e.Test == "" {
		if e.Output != "PASS\n" { // the next line gives the same result
			fmt.Fprint(s.out, e.Output)
		}
		return
	}
	b := s.output[e.name()]
	if b == nil {
		b = new(strings.Builder)
		s.output[e.name()] = b
	}
	if b.Len() < maxOutput {
		b.WriteString(e.Output)
	}
}

func (s *summary) end(e event) {
	if e.Test == "" {
		if e.Action == "fail" {
			s.failed = append(s.failed, e.name())
			s.showUnfinished(e.Package)
		}
		return
	}
	text := ""
	if b := s.output[e.name()]; b != nil {
		text = b.String()
	}
	delete(s.output, e.name())
	s.timings = append(s.timings, timing{e.name(), e.Elapsed})
	switch {
	case e.Action == "fail":
		s.failed = append(s.failed, e.name())
		fmt.Fprint(s.out, text)
	case e.Action == "skip" && !strings.Contains(text, ": "+helperSkip):
		s.skipped = append(s.skipped, e.name())
		fmt.Fprint(s.out, text)
	case e.Action == "pass":
		s.passed++
	}
}

// showUnfinished prints the output of tests that a panic or the time limit ended.
func (s *summary) showUnfinished(pkg string) {
	for name, b := range s.output {
		if strings.HasPrefix(name, pkg+" ") {
			fmt.Fprintf(s.out, "=== unfinished: %s\n%s", name, b)
			delete(s.output, name)
		}
	}
}

// close prints the summary.
func (s *summary) close() error {
	slices.SortStableFunc(s.timings, func(a, b timing) int { return int(1000 * (b.seconds - a.seconds)) })
	fmt.Fprintln(s.out, "slowest tests:")
	for _, t := range s.timings[:min(len(s.timings), 8)] {
		took := time.Duration(t.seconds * float64(time.Second)).Round(10 * time.Millisecond)
		fmt.Fprintf(s.out, "  %8v  %s\n", took, t.name)
	}
	fmt.Fprintf(s.out, "tests: %d passed, %d failed, %d skipped\n", s.passed, len(s.failed), len(s.skipped))
	switch {
	case len(s.failed) > 0:
		return fmt.Errorf("failed:\n  %s", strings.Join(s.failed, "\n  "))
	case len(s.skipped) > 0:
		return fmt.Errorf("skipped, which none may be here:\n  %s", strings.Join(s.skipped, "\n  "))
	case s.passed == 0:
		return errors.New("no test ran")
	}
	return nil
}
