//go:build linux

package changes

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"offlinestore/catalog"
	"offlinestore/importer"
	"offlinestore/internal/mutate"
)

// TestEveryReportMemberIsShown sets one member of a report at a time. The history must count it, and a plan and a push must name it.
func TestEveryReportMemberIsShown(t *testing.T) {
	t.Parallel()
	state := []string{"AlreadyImported", "TakenBack", "UpToDate"}
	kept := []string{"Kept", "KeptCharms", "KeptTags"} // no change
	empty := countReport(&catalog.Report{})
	typ := reflect.TypeFor[catalog.Report]()
	for i := range typ.NumField() {
		name := typ.Field(i).Name
		if slices.Contains(state, name) {
			continue
		}
		var whole, r catalog.Report
		mutate.Fill(&whole)
		reflect.ValueOf(&r).Elem().Field(i).Set(reflect.ValueOf(whole).Field(i))
		if name == "AssertionItems" {
			r.Assertions = 1 // each of them is counted there
		}
		if r.IsEmpty() {
			t.Errorf("%s: IsEmpty = true", name)
		}
		if got := countReport(&r); got == empty && !slices.Contains(kept, name) {
			t.Errorf("%s: the history has %q", name, got)
		}
		var plan, push strings.Builder
		PrintPlan(&plan, importer.Content{}, &r)
		c := importer.Content{}
		c.Snaps, c.Charms = []string{"filled"}, []string{"filled"}
		PrintDone(&push, c, &r)
		if plan.Len() == 0 || strings.Contains(plan.String(), "nothing new") || push.Len() == 0 {
			t.Errorf("%s: the plan has %q, the push %q", name, plan.String(), push.String())
		}
	}
}
