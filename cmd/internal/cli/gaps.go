package cli

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"offlinestore/closure"
)

// GapLine returns the line that all commands print for a gap: the gap's sentence and, for a dependency of a charm, a charm
// bundle or a validation set, and for an approval, how to fill the gap. One export fills all gaps of snaps and models, see ExportSnaps.
func GapLine(g closure.Gap) string {
	if !g.ByCharm() && !g.BySet() && g.Kind != closure.KindApproval && g.Kind != closure.KindPrivate {
		return g.String()
	}
	return g.String() + ": " + GapFix(g)
}

// GapFix returns the step that fills, outside, a gap of a charm, a charm bundle or a validation set.
func GapFix(g closure.Gap) string {
	if g.BySet() {
		return fmt.Sprintf("export the set again: 'store-admin export validation-sets %s'", g.NeededBy[0].Name)
	}
	switch g.Kind {
	case closure.KindApproval:
		return fmt.Sprintf("once its publisher has approved the revision, export %[1]s again: 'store-admin export snaps %[1]s'", g.NeededBy[0].Name)
	case closure.KindPrivate:
		return "if the store of the model has it upstream, export that store again: 'store-admin export store STORE_ID'"
	case closure.KindResource:
		return "Charmhub has released none with it; attach a file of your own with 'juju deploy --resource'"
	case closure.KindImage:
		return "export the charm without --no-images, or name the registry that has it (proxy.oci-registry.domain)"
	case closure.KindRow:
		return "export the charm again"
	case closure.KindImageName:
		return "Juju gets each by its digest, but a pull by that name gets only one: give them different names under resources: and export both again"
	case closure.KindCharm:
		return fmt.Sprintf("export the bundle again: 'store-admin export bundle %s'", g.NeededBy[0].Name)
	}
	const again = "export the charm again, with --with-snaps, or "
	if g.Revision > 0 {
		return fmt.Sprintf(again+"put '{name: %s, revision: %d}' under packages in the FILE of 'store-admin export snaps --from-yaml FILE --arch %s'", g.Name, g.Revision, g.Architecture)
	}
	return fmt.Sprintf(again+"the snap: '%s'", exportSnaps([]string{g.Name}, []string{g.Architecture}, g.InstalledFrom))
}

// ExportSnaps returns the commands that export the missing dependencies of snaps and models, one for each channel:
// "store-admin export snaps core24 snapd --arch amd64". It returns "" if there are none.
func ExportSnaps(gaps []closure.Gap) string {
	names, archs := make(map[string][]string), make(map[string][]string)
	var channels []string
	for _, g := range gaps {
		if g.ByCharm() || g.BySet() || g.Kind == closure.KindApproval || g.Kind == closure.KindPrivate {
			continue
		}
		names[g.Channel] = append(names[g.Channel], g.Snap())
		channels = append(channels, g.Channel)
		if g.Architecture != "" {
			archs[g.Channel] = append(archs[g.Channel], g.Architecture)
		}
	}
	var commands []string
	for _, ch := range distinct(channels) {
		commands = append(commands, exportSnaps(distinct(names[ch]), distinct(archs[ch]), ch))
	}
	return strings.Join(commands, "; ")
}

func exportSnaps(names, archs []string, channel string) string {
	out := "store-admin export snaps " + strings.Join(names, " ")
	for _, arch := range archs {
		out += " --arch " + arch
	}
	if channel != "" {
		out += " --channel " + channel
	}
	return out
}

// distinct returns the texts sorted, each once.
func distinct[T cmp.Ordered](list []T) []T {
	slices.Sort(list)
	return slices.Compact(list)
}

// maxGapLines is the number of gaps that a command prints if it is about something else.
const maxGapLines = 20

// GapReport returns the lines of at most 20 gaps, and how to fill the gaps of snaps. Commands use it that are about
// something else: 'check' names all gaps.
func GapReport(gaps []closure.Gap) []string {
	var out []string
	for i, g := range gaps {
		if i == maxGapLines && len(gaps) > maxGapLines+1 {
			out = append(out, fmt.Sprintf("%d more things are needed and missing: 'snap-store-proxy check' names them", len(gaps)-maxGapLines))
			break
		}
		out = append(out, GapLine(g))
	}
	if command := ExportSnaps(gaps); command != "" {
		out = append(out, "export the missing snaps: "+command)
	}
	return out
}
