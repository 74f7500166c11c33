package assertion_test

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"offlinestore/assertion"
	"offlinestore/internal/assertiontest"
)

const digest = "2D3OSmGI2YTHT_0BSMzC-46T5-WIbkZAiBfdEweK5wsYCECBKwj6rkpGqs_8VSND"

// revision is a well-formed snap-revision. Its signature is valid only in form.
const revision = `type: snap-revision
authority-id: canonical
snap-sha3-384: ` + digest + `
developer-id: dev1
snap-id: snapid1
snap-revision: 9
snap-size: 8192
timestamp: 2022-07-29T21:29:08.465801Z
sign-key-sha3-384: ` + digest + `

AcLB
`

func TestDecodeHeaders(t *testing.T) {
	t.Parallel()
	const text = `type: something-new
authority-id: a
empty: ` + `
text:
    one
      two
    ` + `
    four
list:
  - x
  -
    - y
    -  z
  -
    k: v
  -
      text in
      a list
map:
  k:
    - 1
  m:
    n:
        text in
        a map
  s: a: b
sign-key-sha3-384: k

sig
`
	a, err := assertion.Decode([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"type": "something-new", "authority-id": "a", "empty": "", "sign-key-sha3-384": "k",
		"text": "one\n  two\n\nfour",
		"list": []any{"x", []any{"y", " z"}, map[string]any{"k": "v"}, "text in\na list"},
		"map":  map[string]any{"k": []any{"1"}, "m": map[string]any{"n": "text in\na map"}, "s": "a: b"},
	}
	if diff := cmp.Diff(a.Headers(), want); diff != "" {
		t.Errorf("Headers() differ (-got +want):\n%s", diff)
	}
	if got := a.Ref(); got.Type != "something-new" || got.PrimaryKey != nil {
		t.Errorf("Ref() = %v, want an unknown type without a primary key", got)
	}
}

func TestDecodeAccessors(t *testing.T) {
	t.Parallel()
	a, err := assertion.Decode([]byte(revision))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := a.Ref(), (assertion.Ref{Type: "snap-revision", PrimaryKey: []string{digest, "global-upload"}}); !cmp.Equal(got, want) {
		t.Errorf("Ref() = %v, want %v", got, want)
	}
	if got, want := a.Timestamp().Format("2006-01-02"), "2022-07-29"; got != want {
		t.Errorf("Timestamp() = %s, want %s", got, want)
	}
	a.Headers()["type"] = "changed"
	a.Ref().PrimaryKey[0] = "changed"
	if a.Type() != "snap-revision" || a.Ref().PrimaryKey[0] != digest {
		t.Error("an assertion can be changed from outside")
	}
}

func TestDecodeRefusesMalformed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, old, new, want string }{
		{"no type", "type: snap-revision\n", "", "not valid"},
		{"type not valid", "type: snap-revision", "type: Snap", "not valid"},
		{"name in capitals", "snap-size", "Snap-size", "not valid"},
		{"name with two dashes", "snap-size", "snap--size", "not valid"},
		{"no colon", "snap-size: 8192", "snap-size 8192", "no colon"},
		{"no space", "snap-size: 8192", "snap-size:8192", "no space"},
		{"twice", "snap-size: 8192", "snap-size: 8192\nsnap-size: 8192", "given twice"},
		{"no value", "snap-size: 8192", "snap-size:", "no value"},
		{"twice in a map", "snap-size: 8192", "snap-size: 8192\nm:\n  a: 1\n  a: 2", "given twice"},
		{"not UTF-8", "dev1", "dev\xff", "not UTF-8"},
		{"body not UTF-8", "\n\nAcLB", "\nbody-length: 1\n\n\xff\n\nAcLB", "not UTF-8"},
		{"no signature", "AcLB\n", "", "empty"},
		{"blank line too many", "\n\nAcLB", "\n\n\nAcLB", "empty"},
		{"a second assertion", "AcLB\n", "AcLB\n\n" + revision, "data after"},
		{"trailing newline too many", "AcLB\n", "AcLB\n\n", "data after"},
		{"body longer than stated", "\n\nAcLB", "\nbody-length: 1\n\nab\n\nAcLB", "not of the stated length"},
		{"body shorter than stated", "\n\nAcLB", "\nbody-length: 99\n\nab\n\nAcLB", "unexpected EOF"},
		{"body-length with a sign", "\n\nAcLB", "\nbody-length: +1\n\na\n\nAcLB", "plain decimal"},
		{"body-length negative", "\n\nAcLB", "\nbody-length: -1\n\na\n\nAcLB", "plain decimal"},
		{"revision with a zero", "snap-size", "revision: 07\nsnap-size", "plain decimal"},
		{"revision too large", "snap-size", "revision: 99999999999\nsnap-size", "too large"},
		{"format not a number", "snap-size", "format: x\nsnap-size", "plain decimal"},
		{"format a list", "snap-size", "format:\n  - 1\nsnap-size", "not a number"},
		{"no authority", "authority-id: canonical\n", "", "authority-id"},
		{"no sign-key", "sign-key-sha3-384: " + digest + "\n", "", "sign-key"},
		{"no primary key", "snap-sha3-384: " + digest + "\n", "", "missing"},
		{"primary key with a slash", "snap-sha3-384: 2D", "snap-sha3-384: 2/", "primary key"},
		{"primary key empty", "snap-size", "provenance: \nsnap-size", "primary key"},
		{"provenance a list", "snap-size", "provenance:\n  - x\nsnap-size", "missing"},
		{"provenance not valid", "snap-size", "provenance: a_b\nsnap-size", "not valid"},
		{"digest too short", "snap-sha3-384: 2D", "snap-sha3-384: D", "not a SHA3-384 digest"},
		{"time not RFC 3339", "2022-07-29T", "2022-07-29 ", "RFC 3339"},
		{"no time", "timestamp: 2022-07-29T21:29:08.465801Z\n", "", "timestamp"},
		{"snap-revision 0", "snap-revision: 9", "snap-revision: 0", "less than 1"},
		{"snap-size negative", "8192", "-8192", "plain decimal"},
		{"no developer", "developer-id: dev1\n", "", "developer-id"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			text := strings.Replace(revision, tt.old, tt.new, 1)
			if text == revision {
				t.Fatal("the vector changes nothing")
			}
			_, err := assertion.Decode([]byte(text))
			if _, ok := errors.AsType[*assertion.FormatError](err); !ok || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want a FormatError with %q", err, tt.want)
			}
		})
	}
}

func TestDecodeLimits(t *testing.T) {
	t.Parallel()
	withBody := func(n int) string {
		return strings.Replace(revision, "\n\nAcLB", "\nbody-length: "+strconv.Itoa(n)+"\n\n"+strings.Repeat("b", n)+"\n\nAcLB", 1)
	}
	withHeader := func(n int) string {
		n -= strings.Index(revision, "\n\n") + len("\nx: ")
		return strings.Replace(revision, "\n\nAcLB", "\nx: "+strings.Repeat("h", n)+"\n\nAcLB", 1)
	}
	withSignature := func(n int) string { return strings.Replace(revision, "AcLB", strings.Repeat("s", n), 1) }
	nested := func(n int) string {
		var b strings.Builder
		for i := range n {
			b.WriteString("\n" + strings.Repeat("  ", i) + "m:")
		}
		return strings.Replace(revision, "\n\nAcLB", b.String()+" x\n\nAcLB", 1)
	}
	for _, tt := range []struct {
		name          string
		largest, over string
	}{
		{"headers", withHeader(assertion.MaxHeaders), withHeader(assertion.MaxHeaders + 1)},
		{"body", withBody(assertion.MaxBody), withBody(assertion.MaxBody + 1)},
		{"signature", withSignature(assertion.MaxSignature), withSignature(assertion.MaxSignature + 1)},
		{"depth", nested(33), nested(34)},
	} {
		if _, err := assertion.Decode([]byte(tt.largest)); err != nil {
			t.Errorf("%s at the limit: %v", tt.name, err)
		}
		if _, err := assertion.Decode([]byte(tt.over)); err == nil {
			t.Errorf("%s over the limit: accepted", tt.name)
		}
	}
}

func TestStreams(t *testing.T) {
	t.Parallel()
	s := assertiontest.NewStack(t)
	all := []*assertion.Assertion{s.Root, s.RootAccountKey, s.StoreAccountKey}
	var b bytes.Buffer
	if err := assertion.EncodeAll(&b, all); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{b.String(), strings.TrimSuffix(b.String(), "\n"), b.String() + "\n"} {
		d := assertion.NewDecoder(iotest.OneByteReader(strings.NewReader(text)))
		for i, want := range all {
			got, err := d.Decode()
			if err != nil {
				t.Fatalf("assertion %d: %v", i, err)
			}
			if !bytes.Equal(got.Raw(), want.Raw()) {
				t.Errorf("assertion %d: got %v, want %v", i, got.Ref(), want.Ref())
			}
		}
		if _, err := d.Decode(); err != io.EOF {
			t.Errorf("at the end: got %v, want %v", err, io.EOF)
		}
	}
	for _, cut := range []int{1, 100, b.Len() - len(all[2].Raw()) + 10} {
		if _, err := assertion.DecodeAll(b.Bytes()[:cut]); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("cut at %d: got %v, want %v", cut, err, io.ErrUnexpectedEOF)
		}
	}
	if _, err := assertion.DecodeAll([]byte(b.String() + "\n\nx")); err == nil {
		t.Error("a stream with garbage at its end is accepted")
	}
	if all, err := assertion.DecodeAll(nil); len(all) != 0 || err != nil {
		t.Errorf("an empty stream: got %v, %v, want nothing", all, err)
	}
}

func seeds(f *testing.F) [][]byte {
	s := assertiontest.NewStack(f)
	return [][]byte{
		[]byte(revision), s.RootStream(), s.Root.Raw(), s.StoreAccountKey.Raw(),
		[]byte("type: t\nl:\n  - a\n  -\n    - b\nm:\n  k:\n      v\n\nsig"),
		[]byte("type: cluster\nauthority-id: a\ncluster-id: c\nsequence: 3\nsign-key-sha3-384: " + digest + "\nbody-length: 1\n\nb\n\nsig\n"),
		s.SnapDeclaration("id", "name", "pub", assertiontest.Headers{"format": "5", "revision-authority": []any{
			assertiontest.Headers{"account-id": "x", "provenance": []any{"p"}}}}).Raw(),
	}
}

func FuzzDecode(f *testing.F) {
	for _, seed := range seeds(f) {
		f.Add(seed)
	}
	trust := assertion.Canonical()
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := assertion.Decode(b)
		if err != nil {
			return
		}
		if got, want := a.Raw(), b; !bytes.Equal(got, want) && !bytes.Equal(append(bytes.Clone(got), '\n'), want) {
			t.Errorf("Raw() = %q, want %q", got, want)
		}
		if pk := a.Ref().PrimaryKey; len(pk) > 0 {
			ref, err := assertion.RefFromPath(a.Type(), a.Ref().Path())
			if err != nil || ref.Key() != a.Ref().Key() {
				t.Errorf("RefFromPath(Path()) = %v, %v, want %v", ref, err, a.Ref())
			}
		}
		a.SequenceKey()
		a.Headers()
		if v := (assertion.Verifier{Trust: trust, Source: assertion.NewSet(a)}); v.Verify(a) == nil && a.AuthorityID() != "canonical" {
			t.Error("verified without a signature")
		}
	})
}

func FuzzDecoder(f *testing.F) {
	for _, seed := range seeds(f) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		all, err := assertion.DecodeAll(b)
		if err != nil || len(all) == 0 {
			return
		}
		var out bytes.Buffer
		if err := assertion.EncodeAll(&out, all); err != nil {
			t.Fatal(err)
		}
		if got, want := bytes.TrimRight(out.Bytes(), "\n"), bytes.TrimRight(b, "\n"); !bytes.Equal(got, want) {
			t.Errorf("encoded again: %q, want %q", got, want)
		}
	})
}
