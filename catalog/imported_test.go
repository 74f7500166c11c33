package catalog_test

import (
	"testing"
	"time"
)

func TestCatalogKnowsItsImports(t *testing.T) {
	t.Parallel()
	s, dsn := open(t)
	r := openReader(t, dsn)
	if c := load(t, r); c.Imports != 0 || !c.LastImport.IsZero() {
		t.Errorf("an empty catalogue has %d imports, the last %v, want none", c.Imports, c.LastImport)
	}
	begin := time.Now().Add(-time.Minute)
	apply(t, s, with(imp("a", 0), "jq", []int{6}, "latest/stable/amd64=6"))
	apply(t, s, with(imp("b", 1), "jq", []int{7}, "latest/stable/amd64=7"))
	if c := load(t, r); c.Imports != 2 || c.LastImport.Before(begin) || c.LastImport.After(time.Now().Add(time.Minute)) {
		t.Errorf("%d imports, the last %v, want 2, just now", c.Imports, c.LastImport)
	}
}
