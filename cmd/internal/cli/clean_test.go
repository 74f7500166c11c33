package cli

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// hostile has one of each kind of character that a terminal obeys or hides.
const hostile = "a\x1b[2Jb\r\u0085\u200b\u200d\u202e\u2028\u2029\u2066\u00ad\ufeff\u3164\U000e0041c"

func TestClean(t *testing.T) {
	t.Parallel()
	want := "a\ufffd[2Jb" + strings.Repeat("\ufffd", 12) + "c"
	if got := Clean(hostile); got != want {
		t.Errorf("Clean = %q, want %q", got, want)
	}
	for in, want := range map[string]string{"Grüße, 世界 ❤\ufe0f": "Grüße, 世界 ❤\ufe0f", "a\tb\nc": "a b c", "\xff": "\ufffd"} {
		if got := Clean(in); got != want {
			t.Errorf("Clean(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestOutputOnATerminal(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	o := &output{w: &b, terminal: true}
	if n, err := o.Write([]byte("x\ty\n" + hostile)); err != nil || n != len("x\ty\n"+hostile) || b.String() != "x\ty\n"+cleanLines(hostile) {
		t.Errorf("Write = %d, %v: %q", n, err, b.String())
	}
	b.Reset()
	o.terminal = false
	o.Write([]byte(hostile))
	if b.String() != hostile {
		t.Errorf("a file got %q, want the text as it is", b.String())
	}
}

func TestPrintJSONEscapes(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := PrintJSON(&b, hostile); err != nil {
		t.Fatal(err)
	}
	var back string
	if err := json.Unmarshal(b.Bytes(), &back); err != nil || back != hostile || strings.ContainsFunc(strings.TrimSpace(b.String()), steers) {
		t.Errorf("PrintJSON = %q, %v", b.String(), err)
	}
}
