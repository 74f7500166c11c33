package bundle_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"offlinestore/internal/vectortest"
)

// secondReader is the reader in testdata/reader, another program in another language. One process answers all questions.
type secondReader struct {
	in  io.WriteCloser
	out *bufio.Reader
}

// secondJob is a question: a bundle, a stream of assertions, or a file with a key.
type secondJob struct {
	Path       string   `json:"path,omitempty"`
	Keys       []string `json:"keys"`
	Roots      string   `json:"roots"`
	Assertions string   `json:"assertions,omitempty"`
	Time       string   `json:"time,omitempty"`
	Key        string   `json:"key,omitempty"`
}

// startSecond starts the second reader. Without Python, python3-cryptography or zstd the test is skipped, except in CI.
func startSecond(t *testing.T) *secondReader {
	t.Helper()
	if out, err := exec.Command("zstd", "--version").CombinedOutput(); err != nil {
		unavailable(t, "zstd "+string(out), err)
	}
	python := "python3"
	if exec.Command(python, "-c", "import cryptography").Run() != nil {
		python = "/usr/bin/python3" // Debian's, which has Debian's packages
	}
	if out, err := exec.Command(python, "-c", "import cryptography").CombinedOutput(); err != nil {
		unavailable(t, "python3-cryptography "+string(out), err)
	}
	// Python would write its bytecode beside the vectors.
	cmd := exec.Command(python, "-B", vectortest.File("reader"))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("the second reader: %v\n%s", err, &stderr)
		}
	})
	return &secondReader{in, bufio.NewReader(out)}
}

// refusal returns the reason why the second reader refuses something, or "".
func (r *secondReader) refusal(t *testing.T, job secondJob) string {
	t.Helper()
	if err := json.NewEncoder(r.in).Encode(job); err != nil {
		t.Fatal(err)
	}
	line, err := r.out.ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Refused *string `json:"refused"`
	}
	if err := json.Unmarshal(line, &answer); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	if answer.Refused == nil {
		return ""
	}
	if strings.HasPrefix(*answer.Refused, "BUG") {
		t.Errorf("%+v: %s", job, *answer.Refused)
	}
	return *answer.Refused
}

// TestSecondReaderVectors shows that the second reader accepts and refuses the vectors that it should.
func TestSecondReaderVectors(t *testing.T) {
	t.Parallel()
	second, index := startSecond(t), vectortest.Load(t)
	for _, v := range index.Bundles {
		job := secondJob{Path: vectortest.File(v.Path), Keys: []string{}, Roots: vectortest.File(index.Roots)}
		for _, k := range v.Keys {
			job.Keys = append(job.Keys, vectortest.File(k))
		}
		if refused := second.refusal(t, job); (refused == "") != (v.Result == vectortest.Valid) {
			t.Errorf("%s: it is %s, and the second reader answers %q", v.Path, v.Result, refused)
		}
	}
	for _, a := range index.Assertions {
		job := secondJob{Assertions: vectortest.File(filepath.FromSlash(a.Path)), Time: a.Time, Roots: vectortest.File(index.Roots)}
		if refused := second.refusal(t, job); (refused == "") != (a.Result == vectortest.Valid) {
			t.Errorf("%s: it is %s, and the second reader answers %q", a.Path, a.Result, refused)
		}
	}
	for _, k := range index.Keys {
		if refused := second.refusal(t, secondJob{Key: vectortest.File(k.Path)}); (refused == "") != (k.Result == vectortest.Valid) {
			t.Errorf("%s: it is %s, and the second reader answers %q", k.Path, k.Result, refused)
		}
	}
}
