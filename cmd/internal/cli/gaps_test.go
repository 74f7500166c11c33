package cli_test

import (
	"fmt"
	"strings"
	"testing"

	"offlinestore/closure"
	"offlinestore/cmd/internal/cli"
)

func TestExportSnaps(t *testing.T) {
	t.Parallel()
	by := []closure.Needer{{Kind: closure.KindModel, Name: "acme/box"}}
	gaps := []closure.Gap{
		{Kind: closure.KindSnap, Name: "snapd", Architecture: "arm64", NeededBy: by},
		{Kind: closure.KindSnap, Name: "core24", Architecture: "amd64", NeededBy: by},
		{Kind: closure.KindComponent, Name: "core24+docs", Architecture: "amd64", NeededBy: by},
		{Kind: closure.KindSnap, Name: "pc", Channel: "24/stable", Architecture: "amd64", NeededBy: by},
		{Kind: closure.KindSnap, Name: "tool", Architecture: "s390x", NeededBy: []closure.Needer{{Kind: closure.KindCharm, Name: "app", Revision: 1}}},
	}
	want := "store-admin export snaps core24 snapd --arch amd64 --arch arm64; store-admin export snaps pc --arch amd64 --channel 24/stable"
	if got := cli.ExportSnaps(gaps); got != want {
		t.Errorf("ExportSnaps = %q, want %q", got, want)
	}
	if got := cli.ExportSnaps(gaps[4:]); got != "" {
		t.Errorf("ExportSnaps for charms alone = %q, want nothing", got)
	}
}

func TestGapReport(t *testing.T) {
	t.Parallel()
	var gaps []closure.Gap
	for i := range 30 {
		gaps = append(gaps, closure.Gap{Kind: closure.KindCharm, Name: fmt.Sprintf("c%d", i), NeededBy: []closure.Needer{{Kind: closure.KindBundle, Name: "kit", Revision: 2}}})
	}
	lines := cli.GapReport(gaps[:21])
	if want := "charm c20 is needed by bundle kit revision 2: export the bundle again: 'store-admin export bundle kit'"; len(lines) != 21 || lines[20] != want {
		t.Errorf("GapReport of 21 = %d lines, the last %q; want %q", len(lines), lines[len(lines)-1], want)
	}
	lines = cli.GapReport(gaps)
	if len(lines) != 21 || !strings.HasPrefix(lines[20], "10 more things are needed and missing: ") {
		t.Errorf("GapReport of 30 = %d lines, the last %q", len(lines), lines[len(lines)-1])
	}
}
