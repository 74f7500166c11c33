package assertiontest_test

import (
	"testing"

	"offlinestore/assertion"
	"offlinestore/internal/assertiontest"
)

func TestStackVerifies(t *testing.T) {
	t.Parallel()
	s := assertiontest.NewStack(t)
	brand := s.NewAccount("brand1", "brand")
	blob := assertiontest.BlobOf([]byte("snap"))
	device := assertiontest.DeviceKey()
	all := append(s.Base(), brand.Assertions()...)
	all = append(all,
		s.SnapDeclaration("snapid1", "hello", brand.ID, nil),
		s.SnapRevision("snapid1", 3, brand.ID, blob, nil),
		s.SnapResourceRevision("snapid1", "comp", 2, brand.ID, blob, nil),
		s.SnapResourcePair("snapid1", "comp", 2, 3, brand.ID, nil),
		s.Store("mystore", brand.ID, "https://store.example", nil),
		brand.ValidationSet("set1", 1, []any{assertiontest.Headers{"name": "hello", "id": "mysnapid1"}}, nil),
		brand.Model("model1", nil),
		brand.Serial("model1", "s1", device, nil),
	)
	roots, err := assertion.DecodeAll(s.RootStream())
	if err != nil {
		t.Fatal(err)
	}
	trust, err := (&assertion.Trust{}).With(roots...)
	if err != nil {
		t.Fatal(err)
	}
	for _, tr := range []*assertion.Trust{s.Trust(), trust} {
		v := assertion.Verifier{Trust: tr, Source: assertion.NewSet(all...), Time: assertiontest.Time()}
		for _, a := range all {
			if err := v.Verify(a); err != nil {
				t.Error(err)
			}
		}
	}
}
