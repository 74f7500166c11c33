package bundle_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"offlinestore/bundle"
	"offlinestore/internal/assertiontest"
)

// TestReleased reads a bundle of every released version, in each framing. A bundle that could once be imported must stay
// importable. These files are never made anew; a new version adds its own.
func TestReleased(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]struct {
		digest digest.Digest
		titles []string
	}{
		"v1.0": {"sha256:69dc0ad0f33d8437ff47b7a5c940a7ff8b9c8c14c0f35aceb3abffe2a1489e32", []string{"jq_6.snap", "jq+compa_1.comp"}},
		"v1.1": {"sha256:2ff8fc2a22dcb6c6d3e21f2e9af59aebbbff9e0fe41bc00a987408df6559baa3", []string{
			"config of image-1652b436882c12c403b2eba036972de9607614abb068f062c89fd63e9dea934a",
			"layer of image-1652b436882c12c403b2eba036972de9607614abb068f062c89fd63e9dea934a",
			"config of image-f6ca3dec32281a67294696a90574ff63813a384c02231e015351fc7749a7ef9f",
			"layer of image-f6ca3dec32281a67294696a90574ff63813a384c02231e015351fc7749a7ef9f",
			"pg-k8s.data_20", "kit_2.zip", "pg-k8s_20.charm",
		}},
		"v1.2": {"sha256:00fc2637d121c6ad3bb2222333caa926ca5f7ded3712926a8c8c63e8aa1de07b", []string{"stepper_2.snap", "stepper_3.snap"}},
		"v1.4": {"sha256:e4548b6c56b73d58543f16f77112ee6222655c131ed4452be119e6a5ca47bc42", imageTitles(
			"056c18de8a5395f396e8656182a46277f73fc41389ea29486bc66c0bd356bcb6", "1c39910565c6c9c9285a7104f0d395014bc7d0d99ef1b8bb49bb8171e34a562b",
			"1f442b2caa494287773ccbfc0f035ca8554c316235ff07129122db9ffe61221a", "4e713449e243c1d34eb204b1ac1718f1c39ec4be5853c22b0a1614d99a4edbd7",
			"d8062344beb9131de1a4c8228593c3949e010fb111c3f276c51e653a83de3c75")},
	} {
		text, err := os.ReadFile(filepath.Join("..", "testdata", "keys", version+".pem"))
		if err != nil {
			t.Fatal(err)
		}
		key, err := bundle.ParsePublicKey(text)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range framings {
			r, err := bundle.Open(filepath.Join("..", "testdata", "bundles", version+f.Extension()))
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			got, err := receive(t.Context(), r, []bundle.PublicKey{key})
			if err != nil {
				t.Fatalf("%s, %s: %v", version, f, err)
			}
			if got.digest != want.digest {
				t.Errorf("%s, %s: digest %s, want %s", version, f, got.digest, want.digest)
			}
			var titles []string
			for _, d := range got.head.Payload {
				titles = append(titles, d.Annotations["org.opencontainers.image.title"])
			}
			if diff := cmp.Diff(titles, want.titles); diff != "" {
				t.Errorf("%s, %s: payload (-got +want):\n%s", version, f, diff)
			}
			if _, err := bundle.Check(got.head, assertiontest.NewStack(t).Trust(), got.predicate.Created); err != nil {
				t.Errorf("%s, %s: %v", version, f, err)
			}
		}
	}
}

// imageTitles returns the titles of the blobs of images that have one layer each.
func imageTitles(images ...string) (titles []string) {
	for _, i := range images {
		titles = append(titles, "config of image-"+i, "layer of image-"+i)
	}
	return titles
}
