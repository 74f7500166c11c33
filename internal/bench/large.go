//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// The sizes of the catalogues that are compared.
const (
	smallSnaps = 1_000
	largeSnaps = 100_000
)

// serving is a running server of a catalogue.
type serving struct {
	b       *bench
	data    string
	url     string
	process *exec.Cmd
}

// startLarge starts a server, and returns the time until it can be reached.
func (b *bench) startLarge(data string) (s *serving, took time.Duration, err error) {
	s = &serving{b: b, data: data}
	s.process = exec.CommandContext(b.ctx, filepath.Join(b.bin, "snap-store-proxy"), "--data-dir", data, "serve", "--listen", "127.0.0.1:0", "--log-level", "error")
	took, err = timed(func() (err error) { s.url, err = startProcess(s.process); return err })
	return s, took, err
}

// memory returns the resident bytes of the server now, and at most.
func (s *serving) memory() (now, peak float64, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.process.Process.Pid))
	if err != nil {
		return 0, 0, err
	}
	field := func(name string) float64 {
		_, rest, _ := strings.Cut(string(text), name+":")
		n, _ := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(strings.SplitN(rest, "\n", 2)[0], "kB")), 64)
		return n / (1 << 10)
	}
	return field("VmRSS"), field("VmHWM"), nil
}

// large measures a catalogue of 100,000 snaps with 300,000 revisions.
func (b *bench) large() error {
	data := b.path("large", "data")
	if err := os.MkdirAll(filepath.Dir(data), 0o755); err != nil {
		return err
	}
	g := newLargeCatalogue(largeSnaps)
	if err := b.fillLarge(data, g); err != nil {
		return err
	}
	s, took, err := b.startLarge(data)
	if err != nil {
		return err
	}
	defer stopProcess(s.process)
	name := fmt.Sprintf("%d snaps, %d revisions: start", largeSnaps, largeSnaps*largeRevisions)
	fmt.Printf("%-42s %9.2fs %18s %7s\n", name, took.Seconds(), "", "<= 5")
	if err := s.printMemory("  memory after the start"); err != nil {
		return err
	}
	if err := s.measureChanges(); err != nil {
		return err
	}
	if err := s.printMemory("  memory after the changes"); err != nil {
		return err
	}
	if err := s.measureSearch(g); err != nil {
		return err
	}
	if err := s.compareRates(); err != nil {
		return err
	}
	if err := s.measurePush(); err != nil {
		return err
	}
	return s.printMemory("  memory at the end")
}

func (s *serving) printMemory(name string) error {
	now, peak, err := s.memory()
	fmt.Printf("%-42s %7.0fMiB %7.0fMiB at most %4s\n", name, now, peak, "<= 1024")
	return err
}

// measureChanges overrides channels, and measures the time until a device is served the change.
func (s *serving) measureChanges() error {
	var times []float64
	for i := range s.b.rounds + 2 {
		name, revision := largeName(i*7919), 1+i%2
		if _, err := s.b.proxy(s.data, "override", name, "stable="+strconv.Itoa(revision)); err != nil {
			return err
		}
		took, err := timed(func() error { return s.await(name, revision) })
		if err != nil {
			return err
		}
		times = append(times, took.Seconds())
	}
	fmt.Printf("%-42s %9.2fs %18s %7s\n", "  a change is served after", median(times), "", "<= 1")
	return nil
}

// await waits until devices get a revision.
func (s *serving) await(name string, revision int) error {
	body := fmt.Sprintf(`{"context":[],"actions":[{"action":"install","instance-key":"i","name":%q,"channel":"stable"}],"fields":["revision"]}`, name)
	for range 10_000 {
		answer, err := s.post(s.b.ctx, "/v2/snaps/refresh", []byte(body))
		if err != nil {
			return err
		}
		if bytes.Contains(answer, []byte(`"revision":`+strconv.Itoa(revision)+`}`)) {
			return nil
		}
		time.Sleep(5 * time.Millisecond)
	}
	return fmt.Errorf("%s stays at another revision than %d", name, revision)
}

func (s *serving) post(ctx context.Context, path string, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, "POST", s.url+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Snap-Device-Architecture", "amd64")
	req.Header.Set("Content-Type", "application/json")
	return readAnswer(req)
}

func readAnswer(req *http.Request) ([]byte, error) {
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %.300s", req.URL, resp.Status, answer)
	}
	return answer, err
}

// measureSearch searches for words in the texts of snaps.
func (s *serving) measureSearch(g *largeCatalogue) error {
	var times []float64
	worst := 0.0
	for i := range 40 {
		query := "q=" + g.words[i*97] + "&fields=title,summary,version"
		if i%10 == 9 {
			query = "fields=title,summary,version" // all snaps
		}
		req, err := http.NewRequestWithContext(s.b.ctx, "GET", s.url+"/v2/snaps/find?"+query, nil)
		if err != nil {
			return err
		}
		req.Header.Set("Snap-Device-Architecture", "amd64")
		var answer []byte
		took, err := timed(func() (err error) { answer, err = readAnswer(req); return err })
		if err != nil {
			return err
		}
		if !json.Valid(answer) {
			return fmt.Errorf("find: the answer is no JSON: %.300s", answer)
		}
		times, worst = append(times, took.Seconds()*1000), max(worst, took.Seconds()*1000)
	}
	fmt.Printf("%-42s %8.1fms %8.1fms at most %5s\n", "  find", median(times), worst, "<= 50")
	return nil
}
