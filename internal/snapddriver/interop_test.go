//go:build linux || darwin

package snapddriver_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/assertion"
	"offlinestore/internal/assertiontest"
	"offlinestore/internal/snapddriver"
)

// vectors are the assertions that snapd's code has signed.
type vectors struct {
	dir                 string
	root, chain, others []*assertion.Assertion
}

func (v *vectors) path(name string) string { return filepath.Join(v.dir, name+".assert") }

func (v *vectors) verifier(t *testing.T) *assertion.Verifier {
	t.Helper()
	trust, err := assertion.Canonical().With(v.root...)
	if err != nil {
		t.Fatalf("trust the root that snapd signed: %v", err)
	}
	return &assertion.Verifier{Trust: trust, Source: assertion.NewSet(append(v.chain, v.others...)...)}
}

func signVectors(t *testing.T) *vectors {
	t.Helper()
	v := &vectors{dir: t.TempDir()}
	if got := snapddriver.Run(t, "sign", "--dir", v.dir); got.Code != 0 {
		t.Fatalf("snapdclient sign exits with %d\n%s", got.Code, got.Stderr)
	}
	v.root, v.chain, v.others = decodeFile(t, v.path("root")), decodeFile(t, v.path("chain")), decodeFile(t, v.path("others"))
	return v
}

// decodeFile decodes a stream and checks that it encodes to the same bytes.
func decodeFile(t *testing.T, path string) []*assertion.Assertion {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	list, err := assertion.DecodeAll(b)
	if err != nil {
		t.Fatalf("decode %s: %v", path, err)
	}
	var again bytes.Buffer
	if err := assertion.EncodeAll(&again, list); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.TrimSuffix(again.String(), "\n"), strings.TrimSuffix(string(b), "\n")); diff != "" {
		t.Errorf("decoded and encoded, %s differs (-got +want):\n%s", path, diff)
	}
	return list
}

func TestWeAcceptWhatSnapdSigns(t *testing.T) {
	t.Parallel()
	v := signVectors(t)
	verifier := v.verifier(t)
	types := map[string]bool{}
	for _, a := range append(v.chain, v.others...) {
		types[a.Type()] = true
		if a.AuthorityID() != "" {
			if err := verifier.Verify(a); err != nil {
				t.Errorf("Verify(%s) = %v, want nil", a.Ref(), err)
			}
		}
	}
	for _, typ := range []string{
		"account", "account-key", "snap-declaration", "snap-revision", "store", "model", "serial", "validation-set",
		"device-session-request", "serial-request", "validation", "base-declaration",
	} {
		if !types[typ] {
			t.Errorf("the vectors have no %s", typ)
		}
	}
}

func TestWeAcceptDevicesThatSignWithSnapd(t *testing.T) {
	t.Parallel()
	v := signVectors(t)
	var serial *assertion.Assertion
	var requests []*assertion.Assertion
	for _, a := range v.chain {
		switch a.Type() {
		case "serial":
			serial = a
		case "device-session-request", "serial-request":
			requests = append(requests, a)
		}
	}
	key, err := assertion.DeviceKey(serial)
	if err != nil {
		t.Fatal(err)
	}
	if len(requests) != 2 {
		t.Fatalf("the vectors have %d requests, want 2", len(requests))
	}
	for _, a := range requests {
		if err := assertion.VerifyDeviceSignature(a, key); err != nil {
			t.Errorf("VerifyDeviceSignature(%s) = %v, want nil", a.Type(), err)
		}
	}
}

// TestWeEmitWhatSnapdEmits signs the content of snapd's vectors again, and checks that it is the same byte for byte,
// except for the key.
func TestWeEmitWhatSnapdEmits(t *testing.T) {
	t.Parallel()
	v := signVectors(t)
	key := assertiontest.DeviceKey()
	for _, want := range append(v.chain, v.others...) {
		if want.Type() == "serial-request" {
			continue // it holds the key that signs it, which isn't ours
		}
		got, err := assertion.Sign(want.Headers(), want.Body(), key)
		if err != nil {
			t.Errorf("sign %s: %v", want.Ref(), err)
			continue
		}
		if diff := cmp.Diff(content(got), content(want)); diff != "" {
			t.Errorf("%s differs from what snapd emits (-got +want):\n%s", want.Ref(), diff)
		}
	}
}

// content returns the signed content, without the line that names the key.
func content(a *assertion.Assertion) string {
	raw := string(a.Raw())
	return strings.Replace(raw[:strings.LastIndex(raw, "\n\n")], "sign-key-sha3-384: "+a.SignKeyID(), "", 1)
}

func TestSnapdAcceptsWhatWeSign(t *testing.T) {
	t.Parallel()
	stack := assertiontest.NewStack(t)
	dir := t.TempDir()
	root := filepath.Join(dir, "root.assert")
	if err := os.WriteFile(root, stack.RootStream(), 0o644); err != nil {
		t.Fatal(err)
	}
	list := ourVectors(stack)
	stream := writeStream(t, dir, "ours", list)
	answer := snapddriver.Run(t, "verify", "--root", root, stream)
	if answer.Code != snapddriver.ExitOK {
		t.Fatalf("snapdclient verify exits with %d, want 0\n%s", answer.Code, answer.Stderr)
	}
	var got, want []string
	for _, a := range answer.Assertions {
		got = append(got, a.Type)
	}
	for _, a := range list {
		want = append(want, a.Type())
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("verified (-got +want):\n%s", diff)
	}
}

// ourVectors returns one assertion of each type that is modelled here and that snapd 2.47 knows.
func ourVectors(stack *assertiontest.Stack) []*assertion.Assertion {
	brand, other := stack.NewAccount("brand", "brand"), stack.NewAccount("other", "other")
	const id, otherID = "offlineSnapIdAAAAAAAAAAAAAAAAAAA", "offlineSnapIdBBBBBBBBBBBBBBBBBBB"
	device := assertiontest.DeviceKey()
	list := append(stack.Base(), brand.Assertions()...)
	list = append(list, other.Assertions()...)
	return append(list,
		stack.SnapDeclaration(id, "offline-snap", other.ID, assertiontest.Headers{
			"format": "1", "revision": "2",
			"plugs": map[string]any{"home": map[string]any{"allow-auto-connection": "true"}},
			"slots": map[string]any{"dbus": map[string]any{"deny-connection": []any{
				map[string]any{"slot-attributes": map[string]any{"name": "a\\.b"}}, map[string]any{"plug-snap-type": []any{"app"}},
			}}},
		}),
		stack.SnapRevision(id, 7, other.ID, assertiontest.BlobOf([]byte("a snap")), nil),
		stack.Store("offline-store", other.ID, "https://store.example", assertiontest.Headers{"location": "cellar\n\nleft ☃"}),
		brand.Model("a-model", assertiontest.Headers{"serial-authority": []any{"brand", "other"}}),
		brand.Serial("a-model", "0001", device, nil),
		other.ValidationSet("a-set", 1, []any{
			map[string]any{"name": "offline-snap", "id": id, "revision": "7"},
			map[string]any{"name": "offline-other", "id": otherID, "presence": "invalid"},
		}, nil),
		assertiontest.DeviceSessionRequest("brand", "a-model", "0001", "nonce", device, nil),
		assertiontest.SerialRequest("brand", "a-model", "REQ-1", device, nil),
	)
}

func writeStream(t *testing.T, dir, name string, list []*assertion.Assertion) string {
	t.Helper()
	var b bytes.Buffer
	if err := assertion.EncodeAll(&b, list); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, name+".assert")
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestSameRefusals alters one assertion of the chain at a time, anywhere in it, and checks that both snapd and we refuse
// it.
func TestSameRefusals(t *testing.T) {
	t.Parallel()
	v := signVectors(t)
	for i, a := range v.chain {
		// The positions are a byte of the headers and a byte of the signature. The latter is before the last line, whose
		// base64 contains bits without meaning.
		for _, at := range []int{len(a.Raw()) / 3, len(a.Raw()) - 100} {
			t.Run(fmt.Sprintf("%d %s at %d", i, a.Type(), at), func(t *testing.T) {
				t.Parallel()
				raw := bytes.Clone(a.Raw())
				raw[at] = other(raw[at])
				path := filepath.Join(t.TempDir(), "altered.assert")
				if err := os.WriteFile(path, altered(v.chain, i, raw), 0o644); err != nil {
					t.Fatal(err)
				}
				if got := snapddriver.Run(t, "verify", "--root", v.path("root"), path); got.Code != snapddriver.ExitRefused {
					t.Errorf("snapd verifies an altered %s: exit code %d, want %d\n%s", a.Type(), got.Code, snapddriver.ExitRefused, got.Stderr)
				}
				if err := verifyAltered(t, v, i, raw); err == nil {
					t.Errorf("Verify of an altered %s = nil, want an error", a.Type())
				}
			})
		}
	}
}

// other returns another character that could stand in the same place.
func other(c byte) byte {
	if c == 'A' {
		return 'B'
	}
	return 'A'
}

func altered(chain []*assertion.Assertion, at int, raw []byte) []byte {
	var b bytes.Buffer
	for i, a := range chain {
		if i > 0 {
			b.WriteString("\n")
		}
		if i == at {
			b.Write(raw)
		} else {
			b.Write(a.Raw())
		}
		b.WriteString("\n")
	}
	return b.Bytes()
}

func verifyAltered(t *testing.T, v *vectors, at int, raw []byte) error {
	t.Helper()
	a, err := assertion.Decode(raw)
	if err != nil {
		return err
	}
	if a.AuthorityID() != "" {
		return v.verifier(t).Verify(a)
	}
	for _, s := range v.chain {
		if s.Type() == "serial" {
			key, err := assertion.DeviceKey(s)
			if err != nil {
				t.Fatal(err)
			}
			return assertion.VerifyDeviceSignature(a, key)
		}
	}
	t.Fatalf("no serial for assertion %d", at)
	return nil
}
