package bundle_test

import (
	"bytes"
	"encoding/base64"
	"testing"
	"time"

	"offlinestore/assertion"
	"offlinestore/internal/assertiontest"
	"offlinestore/internal/bundletest"
	"offlinestore/internal/vectortest"
)

// stream is the stream of assertions of a vector.
type stream struct {
	name, shows string
	all         []*assertion.Assertion
	// edit changes the encoded stream.
	edit   func([]byte) []byte
	result string
}

// addStreams adds the vectors of assertions.
func addStreams(t *testing.T, s *assertiontest.Stack, index *vectortest.Index, files vectorFiles) {
	t.Helper()
	for _, v := range streamVectors(t, s) {
		var out bytes.Buffer
		if err := assertion.EncodeAll(&out, v.all); err != nil {
			t.Fatal(err)
		}
		raw := out.Bytes()
		if v.edit != nil {
			raw = v.edit(raw)
		}
		path := "assertions/" + v.name + ".assert"
		files[path] = raw
		index.Assertions = append(index.Assertions, vectortest.Assertion{Path: path, Shows: v.shows, Time: assertiontest.Time().Format(time.RFC3339), Result: v.result})
	}
}

func streamVectors(t *testing.T, s *assertiontest.Stack) []stream {
	t.Helper()
	key, brand, blob := s.StoreAccountKey, s.NewAccount("brand1", "brand"), assertiontest.BlobOf([]byte("snap"))
	declaration := s.SnapDeclaration(jqID, "jq", "brand1", nil)
	revision := s.SnapRevision(jqID, 6, "brand1", blob, nil)
	with := func(more ...*assertion.Assertion) []*assertion.Assertion {
		return append([]*assertion.Assertion{key, brand.Account}, more...)
	}
	swap := func(old, now string) func([]byte) []byte {
		return func(b []byte) []byte { return bytes.Replace(b, []byte(old), []byte(now), 1) }
	}
	other := bundletest.UntrustedStack(t)
	since := s.AccountKey(assertiontest.RootID, "store", s.StoreKey, assertiontest.Headers{"since": "2030-01-01T00:00:00Z"})
	until := s.AccountKey(assertiontest.RootID, "store", s.StoreKey, assertiontest.Headers{"until": "2024-06-01T00:00:00Z"})
	modelsOnly := assertiontest.Headers{"format": "1", "constraints": []any{map[string]any{"headers": map[string]any{"type": "model"}}}}
	constrained := s.AccountKey("brand1", "default", brand.Key, modelsOnly)
	set := brand.ValidationSet("set1", 1, []any{assertiontest.Headers{"name": "jq", "id": jqID}}, nil)
	return []stream{
		{name: "snap", shows: "A snap and a revision of it.", all: with(declaration, revision), result: vectortest.Valid},
		{name: "component", shows: "A component of a snap.", result: vectortest.Valid,
			all: with(declaration, s.SnapResourceRevision(jqID, "comp", 2, "brand1", blob, nil), s.SnapResourcePair(jqID, "comp", 2, 6, "brand1", nil))},
		{name: "brand", shows: "An account with a key signs a model and a validation set.", all: with(brand.AccountKey, brand.Model("model1", nil), set), result: vectortest.Valid},
		{name: "constraints", shows: "A key that may sign models alone signs one.", all: with(constrained, brand.Model("model1", nil)), result: vectortest.Valid},
		{name: "altered-header", shows: "A header was changed after it was signed.", all: with(declaration), edit: swap("snap-name: jq", "snap-name: yq"), result: vectortest.BadSignature},
		{name: "other-signature", shows: "An assertion has the signature of another.", result: vectortest.BadSignature, all: with(declaration), edit: func(b []byte) []byte {
			signature := func(b []byte) int { return bytes.LastIndex(b, []byte("\n\n")) }
			stolen := revision.Raw()
			return append(b[:signature(b):signature(b)], stolen[signature(stolen):]...)
		}},
		{name: "digest-start", shows: "A signature is right, but for the first bytes of the digest in it.", result: vectortest.BadSignature, all: with(declaration),
			edit: alterDigestStart},
		{name: "untrusted-root", shows: "A root poses as the trusted one.", result: vectortest.UntrustedRoot,
			all: []*assertion.Assertion{other.RootAccountKey, other.StoreAccountKey, other.Account("brand1", "Brand", nil)}},
		{name: "key-expired", shows: "The key expired before the time.", all: []*assertion.Assertion{until, brand.Account}, result: vectortest.ExpiredKey},
		{name: "key-not-yet-valid", shows: "The key becomes valid after the time.", all: []*assertion.Assertion{since, brand.Account}, result: vectortest.KeyNotYetValid},
		{name: "wrong-authority", shows: "A brand signs a snap-declaration.", result: vectortest.WrongAuthority,
			all: with(brand.AccountKey, brand.Sign(assertiontest.Headers{"type": "snap-declaration", "series": "16", "snap-id": jqID, "snap-name": "jq", "publisher-id": "brand1"}, nil))},
		{name: "constraints-broken", shows: "A key that may sign models alone signs a validation set.", all: with(constrained, set), result: vectortest.Constraints},
		{name: "key-missing", shows: "The key that signed is not there.", all: []*assertion.Assertion{brand.Account}, result: vectortest.Missing},
		{name: "declaration-missing", shows: "The declaration of a snap-revision's snap is not there.", all: with(revision), result: vectortest.Missing},
		{name: "unknown-type", shows: "An assertion of a type that the reader does not know.", all: with(s.StoreSign(assertiontest.Headers{"type": "novelty"}, nil)), result: vectortest.Unsupported},
		{name: "future-format", shows: "An assertion of a format that the reader does not know.", result: vectortest.Unsupported,
			all: with(declaration, s.SnapRevision(jqID, 6, "brand1", blob, assertiontest.Headers{"format": "1"}))},
		{name: "no-assertion", shows: "A text.", edit: func([]byte) []byte { return []byte("hello\n") }, result: vectortest.Malformed},
		{name: "no-signature", shows: "The signature is missing.", all: with(), result: vectortest.Malformed, edit: func(b []byte) []byte { return b[:bytes.LastIndex(b, []byte("\n\n"))+2] }},
		{name: "body-length", shows: "The body of a key is shorter than body-length.", all: with(), edit: swap("\nbody-length: ", "\nbody-length: 9"), result: vectortest.Malformed},
		{name: "duplicate-header", shows: "A header stands there twice.", all: with(declaration), edit: swap("snap-name: jq\n", "snap-name: jq\nsnap-name: jq\n"), result: vectortest.Malformed},
		{name: "crlf", shows: "The lines end as in DOS.", all: with(declaration), result: vectortest.Malformed, edit: func(b []byte) []byte {
			return bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n"))
		}},
	}
}

// alterDigestStart changes the two bytes of the digest in the signature of a stream's last assertion. They precede the number at its end.
func alterDigestStart(stream []byte) []byte {
	start := bytes.LastIndex(stream, []byte("\n\n")) + 2
	packet, err := base64.StdEncoding.DecodeString(string(stream[start:]))
	if err != nil {
		panic(err)
	}
	for i := len(packet) - 4; ; i-- { // the number begins with its length in bits
		if bits := int(packet[i+2])<<8 | int(packet[i+3]); bits > 1000 && i+4+(bits+7)/8 == len(packet) {
			packet[i] ^= 1
			return base64.StdEncoding.AppendEncode(bytes.Clone(stream[:start]), packet)
		}
	}
}
