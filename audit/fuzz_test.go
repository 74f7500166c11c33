package audit_test

import (
	"bytes"
	"testing"

	"offlinestore/audit"
)

// FuzzVerify finds every change of a file.
func FuzzVerify(f *testing.F) {
	k := newKey(f)
	file := export(f, k, entries(f, 6, "a"), 0)
	f.Add(file)
	f.Add([]byte(`{"header":{},"signature":""}` + "\n"))
	for _, line := range bytes.SplitAfter(file, []byte{'\n'}) {
		f.Add(append(bytes.Clone(file), line...))
		f.Add(bytes.Replace(file, line, nil, 1))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		v := audit.NewVerifier(k.Public())
		r, err := v.VerifyFile(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if r.IsWhole() && !bytes.Equal(withoutHeads(text), withoutHeads(file)) {
			t.Errorf("another file is whole:\n%s", text)
		}
	})
}

// withoutHeads returns a file without its signed heads, which may be left out.
func withoutHeads(file []byte) (out []byte) {
	for _, line := range bytes.SplitAfter(file, []byte{'\n'}) {
		if !bytes.HasPrefix(line, []byte(`{"head":`)) {
			out = append(out, line...)
		}
	}
	return out
}
