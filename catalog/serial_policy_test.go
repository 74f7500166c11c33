package catalog_test

import (
	"testing"

	"offlinestore/catalog"
)

// TestPolicyRevisions adds policies before and after a model is removed and added again. A serial that was signed for the old one must not pass for
// one of the new one.
func TestPolicyRevisions(t *testing.T) {
	t.Parallel()
	s, _, _ := serialTables(t)
	const model = "tap"
	for want := 1; want <= 3; want++ {
		if err := s.AddDeviceModel(t.Context(), "jo", catalog.DeviceModel{BrandID: "acme", Name: model, Series: "16"}); err != nil {
			t.Fatal(err)
		}
		p, err := s.AddSerialPolicy(t.Context(), "jo", "acme", model, "k1")
		if err != nil || p.Revision != want {
			t.Fatalf("the policy of model %d: %+v, %v, want revision %d", want, p, err, want)
		}
		if err := s.RemoveDeviceModel(t.Context(), "acme", model); err != nil {
			t.Fatal(err)
		}
	}
}
