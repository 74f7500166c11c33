package cli_test

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
	"unicode/utf16"

	"offlinestore/cmd/internal/cli"
)

// inUTF16 returns a text as Windows PowerShell writes it.
func inUTF16(order binary.AppendByteOrder, text string) (out []byte) {
	for _, u := range append([]uint16{0xfeff}, utf16.Encode([]rune(text))...) {
		out = order.AppendUint16(out, u)
	}
	return out
}

func TestReadFileOfWindows(t *testing.T) {
	t.Parallel()
	const text = "type: account\nname: Ünï 𝄞\n"
	windows := bytes.ReplaceAll([]byte(text), []byte("\n"), []byte("\r\n"))
	for name, tt := range map[string]struct {
		content []byte
		want    string // or empty for an error
	}{
		"plain":                      {[]byte(text), text},
		"byte order mark":            {[]byte("\xef\xbb\xbf" + text), text},
		"carriage returns":           {windows, text},
		"UTF-16, little end first":   {inUTF16(binary.LittleEndian, text), text},
		"UTF-16 of Windows":          {inUTF16(binary.LittleEndian, string(windows)), text},
		"UTF-16, big end first":      {inUTF16(binary.BigEndian, text), text},
		"some carriage returns":      {[]byte("a\r\nb\n"), "a\r\nb\n"},
		"a carriage return alone":    {[]byte("a\rb\r\n"), "a\rb\n"},
		"half a character":           {inUTF16(binary.LittleEndian, text)[:11], ""},
		"half of a surrogate pair":   {[]byte("\xff\xfe\x34\xd8"), ""},
		"the byte order mark, twice": {[]byte("\xef\xbb\xbf\xef\xbb\xbfa"), "\xef\xbb\xbfa"},
	} {
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, tt.content, 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := cli.ReadFile(path, 1000)
		if string(got) != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%s: %q, %v, want %q", name, got, err, tt.want)
		}
	}
}

func TestReadPasswordFileOfWindows(t *testing.T) {
	t.Parallel()
	for _, content := range [][]byte{[]byte("pässword\r\nmore\r\n"), []byte("\xef\xbb\xbfpässword"), inUTF16(binary.LittleEndian, "pässword\r\nmore\r\n")} {
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := cli.ReadPasswordFile(path); got != "pässword" || err != nil {
			t.Errorf("%q: %q, %v", content, got, err)
		}
	}
}
