package bundle_test

import (
	"bytes"
	"crypto/sha3"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"offlinestore/assertion"
	"offlinestore/bundle"
	"offlinestore/internal/vectortest"
)

var update = flag.Bool("update", false, "write the vectors in testdata anew")

// TestVectors reads every vector and compares the result with the index.
func TestVectors(t *testing.T) {
	t.Parallel()
	index := vectortest.Load(t)
	trust := index.Trust(t)
	seen := make(map[string]int)
	for _, v := range index.Bundles {
		seen[v.Result]++
		t.Run(v.Path, func(t *testing.T) {
			t.Parallel()
			if hidden(v.Path) {
				t.Skip("there are no symbolic links here")
			}
			got, step, err := readVector(t, &v, trust)
			if result := vectortest.ResultOf(err); result != v.Result {
				t.Fatalf("got %q (%v), want %q", result, err, v.Result)
			}
			if phaseOf(step) != phaseOf(v.Step) {
				t.Errorf("refused at step %d (%v), want %d", step, err, v.Step)
			}
			var unknown *bundle.UnknownSignerError
			if errors.As(err, &unknown) && unknown.KeyID != v.Signer {
				t.Errorf("signer %s, want %s", unknown.KeyID, v.Signer)
			}
			checkVector(t, &v, got)
		})
	}
	for _, result := range vectortest.Results() {
		if seen[result] == 0 {
			t.Errorf("no vector has the result %s", result)
		}
	}
	if len(seen) != len(vectortest.Results()) {
		t.Errorf("the index has the results %v, want some of %v", seen, vectortest.Results())
	}
}

// phaseOf joins the steps of section 9 of docs/bundle.md that the reader makes in one call.
func phaseOf(step int) string {
	switch {
	case step == 0:
		return "read"
	case step <= 5:
		return "Open"
	case step == 6:
		return "Verify"
	case step <= 10:
		return "Head"
	case step <= 12:
		return "Next"
	}
	return "Check"
}

// vectorRead is the result of reading a vector.
type vectorRead struct {
	digest  digest.Digest
	items   []string
	payload []string
	damaged []string
}

// readVector reads a vector as an importer does. It returns the last step of the call that refused it.
func readVector(t *testing.T, v *vectortest.Bundle, trust *assertion.Trust) (got vectorRead, step int, err error) {
	t.Helper()
	r, err := bundle.Open(vectortest.File(v.Path))
	if err != nil {
		return got, 5, err
	}
	defer r.Close()
	predicate, _, err := r.Verify(t.Context(), v.TrustedKeys(t))
	if err != nil {
		return got, 6, err
	}
	h, err := r.Head()
	if err != nil {
		return got, 10, err
	}
	got = vectorRead{digest: r.Digest(), items: itemNames(h)}
	err = readPayload(r, h, &got)
	for _, d := range h.Payload {
		got.payload = append(got.payload, d.Digest.String())
	}
	if h.Part != nil {
		for _, r := range h.Part.Ranges {
			got.payload = append(got.payload, r.Digest.String())
		}
	}
	if err != nil {
		return got, 12, err
	}
	if _, err := bundle.Check(h, trust, predicate.Created); err != nil {
		return got, 13, err
	}
	return got, 0, nil
}

// itemNames returns the names of the items in the order of the bundle index.
func itemNames(h *bundle.Head) []string {
	var names []string
	for _, m := range h.Images {
		names = append(names, "image-"+m.Digest.Encoded())
	}
	for _, a := range h.Assertions {
		names = append(names, a.Ref.Key())
	}
	for _, r := range h.CharmResources {
		names = append(names, fmt.Sprintf("charm.%s.%s_%d", r.Charm, r.Resource.Name, r.Resource.Revision))
	}
	for _, r := range h.CharmRevisions {
		names = append(names, fmt.Sprintf("charm.%s_%d", r.Name, r.Revision.Number))
	}
	for _, c := range h.Charms {
		names = append(names, "charm."+c.Name)
	}
	for _, r := range h.Repositories {
		names = append(names, "repository."+r.Name)
	}
	for _, r := range h.Revisions {
		names = append(names, fmt.Sprintf("%s_%d", r.Name, r.Revision.Number))
	}
	for _, s := range h.Snaps {
		names = append(names, s.Name)
	}
	for _, s := range h.Stores {
		names = append(names, "store."+s.ID)
	}
	for _, w := range h.Withdrawals {
		names = append(names, "withdrawn."+w.Kind+"."+w.Name)
	}
	return names
}

// readPayload reads all blobs, and collects the damaged ones.
func readPayload(r *bundle.Reader, h *bundle.Head, got *vectorRead) error {
	var bad []error
	for {
		desc, content, err := r.Next()
		if err == io.EOF {
			return errors.Join(bad...)
		}
		var b []byte
		if err == nil {
			b, err = io.ReadAll(content)
		}
		if err == nil {
			err = verifyContent(h, desc, b)
		}
		var damaged *bundle.BlobError
		if errors.As(err, &damaged) {
			got.damaged = append(got.damaged, damaged.Digest.String())
		} else if err != nil {
			return errors.Join(append(bad, err)...)
		}
		if err != nil {
			bad = append(bad, err)
		}
	}
}

var errContent = errors.New("not what the bundle says of it")

// verifyContent verifies a blob as docs/bundle.md asks the importer to do in step 11.
func verifyContent(h *bundle.Head, desc ocispec.Descriptor, b []byte) error {
	sum := sha3.Sum384(b)
	if want := desc.Annotations[bundle.AnnotationSHA3384]; want != "" && want != hex.EncodeToString(sum[:]) {
		return &bundle.BlobError{Digest: desc.Digest, Title: desc.Annotations[ocispec.AnnotationTitle], Err: errContent}
	}
	for _, r := range h.CharmResources {
		sum := sha512.Sum384(b)
		if r.Blob != nil && r.Blob.Digest == desc.Digest && r.Resource.Download.SHA384 != hex.EncodeToString(sum[:]) {
			return &bundle.BlobError{Digest: desc.Digest, Title: r.Resource.Name, Err: errContent}
		}
	}
	for _, r := range h.CharmRevisions {
		if r.Blob.Digest == desc.Digest {
			if err := bundle.CheckArchive(&r.Item, bytes.NewReader(b), int64(len(b))); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkVector compares the result of reading a vector with the index.
func checkVector(t *testing.T, v *vectortest.Bundle, got vectorRead) {
	t.Helper()
	if diff := cmp.Diff(got.damaged, v.Damaged); diff != "" {
		t.Errorf("damaged blobs (-got +want):\n%s", diff)
	}
	if v.Result != vectortest.Valid {
		return
	}
	if got.digest.String() != v.Digest {
		t.Errorf("digest %s, want %s", got.digest, v.Digest)
	}
	if diff := cmp.Diff(got.items, v.Items); diff != "" {
		t.Errorf("items (-got +want):\n%s", diff)
	}
	if diff := cmp.Diff(got.payload, v.Payload); diff != "" {
		t.Errorf("payload (-got +want):\n%s", diff)
	}
}

// TestVectorFormats shows that the vectors have every version of the format in every framing.
func TestVectorFormats(t *testing.T) {
	t.Parallel()
	var got []string
	for _, v := range vectortest.Load(t).Bundles {
		if have := v.Format + " " + v.Framing; v.Result == vectortest.Valid && !slices.Contains(got, have) {
			got = append(got, have)
		}
	}
	for minor := range bundle.FormatMinor + 1 {
		for _, framing := range []string{"directory", "tar", "tar+gzip", "tar+zstd"} {
			if want := fmt.Sprintf("%d.%d %s", bundle.FormatMajor, minor, framing); !slices.Contains(got, want) {
				t.Errorf("no valid vector of format %s", want)
			}
		}
	}
}
