package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"offlinestore/closure"
	"offlinestore/cmd/internal/cli"
	"offlinestore/exporter"
)

// report prints the result in the original's words.
func (out *output) report(p *exporter.Plan) error {
	if out.o.json {
		return out.reportJSON(p)
	}
	out.noteLeftOut()
	switch {
	case out.parts != nil:
		printParts(out.w, &out.files[0])
		return nil
	case out.o.wanted != "":
		out.reportWanted()
		return nil
	case p.Charms != nil:
		return out.reportCharms(p)
	case len(p.Request.Images) > 0:
		out.reportImages()
		return nil
	case out.o.storeID != "":
		out.reportStore()
		return nil
	case p.Assertions != nil:
		out.reportAssertions(p)
		return nil
	case out.o.single != "" || out.o.outputDir != "" || out.o.parts.bytes > 0:
		for _, f := range out.files {
			names := slices.Clone(f.Snaps)
			for _, name := range f.Withdrawn {
				names = append(names, name+" (withdrawn)")
			}
			fmt.Fprintf(out.w, "Successfully exported snaps:\n%s: %s\n", strings.Join(names, ", "), f.File)
		}
		return nil
	}
	out.reportSnaps(p)
	return nil
}

// reportSnaps prints the archives of an export of snaps: the requested ones, then the others.
func (out *output) reportSnaps(p *exporter.Plan) {
	fmt.Fprintln(out.w, "Successfully exported snaps:")
	heading := false
	for _, f := range out.files {
		if len(f.Withdrawn) > 0 {
			fmt.Fprintf(out.w, "%s (withdrawn): %s\n", f.Withdrawn[0], filepath.Base(f.File))
			continue
		}
		if len(f.NeededBy) == 0 {
			fmt.Fprintf(out.w, "%s: %s\n", f.Snaps[0], filepath.Base(f.File))
			continue
		}
		if !heading {
			fmt.Fprintf(out.w, "Also exported, needed by %s:\n", strings.Join(requested(p), ", "))
			heading = true
		}
		fmt.Fprintf(out.w, "%s: %s\n", f.Snaps[0], filepath.Base(f.File))
	}
}

// noteLeftOut counts the blobs that the receiver has to have.
func (out *output) noteLeftOut() {
	for _, to := range out.recipients {
		n := 0
		for _, f := range out.files {
			if f.to == to {
				n += f.LeftOut
			}
		}
		if n > 0 {
			cli.Note("Left out, since %s should have them: %s\n", to.name, cli.Count(n, "blob"))
		}
	}
}

func (out *output) reportJSON(p *exporter.Plan) error {
	result := map[string]any{
		"bundles": out.files, "gaps": append([]exporter.Gap{}, p.Gaps...), "warnings": append([]string{}, p.Warnings...),
		"left-out": append([]exporter.LeftOut{}, p.LeftOut...),
	}
	if p.Charms != nil {
		result["hints"] = hintsOf(p)
	}
	if out.o.storeID != "" {
		result["token"] = out.tokenFile(out.files[0].File)
	}
	return cli.PrintJSON(out.w, result)
}

// reportAssertions prints the place of the account keys or of the validation sets, and the snaps that come with them.
func (out *output) reportAssertions(p *exporter.Plan) {
	what := "account keys"
	if len(p.Request.ValidationSets) > 0 {
		what = "validation sets"
	}
	fmt.Fprintf(out.w, "Successfully exported %s to: %s\n", what, out.files[0].File)
	if names := out.files[0].Snaps; len(names) > 0 {
		fmt.Fprintf(out.w, "Also exported, with their dependencies: %s\n", strings.Join(names, ", "))
	}
}

// requested returns the names of the snaps that the operator asked for.
func requested(p *exporter.Plan) (names []string) {
	for _, s := range p.Snaps {
		if s.NeededBy == nil {
			names = append(names, s.Listing.Name)
		}
	}
	return names
}

// reportCharms prints the place of the charms, and the snaps that they install and the export lacks.
func (out *output) reportCharms(p *exporter.Plan) error {
	if bundles := p.Request.Charms.Bundles; len(bundles) > 0 {
		fmt.Fprintf(out.w, "Successfully exported charm bundle %s: %s\n", bundles[0].Name, out.files[0].File)
	} else {
		fmt.Fprintf(out.w, "Successfully exported charms to: %s\n", out.files[0].File)
	}
	if names := out.files[0].Snaps; len(names) > 0 {
		fmt.Fprintf(out.w, "Also exported, needed by the charms: %s\n", strings.Join(names, ", "))
		return nil
	}
	installs := false
	for _, g := range p.Set().Gaps() {
		if g.ByCharm() && g.Kind == closure.KindSnap {
			installs = true
			fmt.Fprintln(out.w, cli.Clean(cli.GapLine(g)))
		}
	}
	if installs {
		fmt.Fprintln(out.w, "Use --with-snaps to export them, too.")
	}
	return nil
}

// warnOfCharmGaps names missing resources of charms and missing charms of bundles. It runs after the charms have been
// read. Missing snaps are reported elsewhere.
func (p *exportProgress) warnOfCharmGaps(plan *exporter.Plan) {
	for _, g := range plan.Set().Gaps() {
		if g.ByCharm() && g.Kind != closure.KindSnap {
			p.Warn(cli.GapLine(g))
		}
	}
}

// hintsOf returns the snaps that the charms of a plan install on the requested architectures.
func hintsOf(p *exporter.Plan) []exporter.Hint {
	out := []exporter.Hint{}
	for _, h := range p.Hints {
		if of, ok := h.For(p.CharmArchitectures()); ok {
			out = append(out, of)
		}
	}
	return out
}

// reportWanted prints the places of the bundles.
func (out *output) reportWanted() {
	for _, f := range out.files {
		what := fmt.Sprintf("Successfully exported %s", filepath.Base(out.o.wanted))
		if f.For != "" {
			what += " for " + f.For
		}
		counts := cli.Count(len(f.Snaps), "snap") + ", " + cli.Count(len(f.Charms), "charm")
		if n := len(f.Images); n > 0 {
			counts += ", " + cli.Count(n, "image")
		}
		fmt.Fprintf(out.w, "%s to: %s\n%s; index %s\n", what, f.File, counts, f.Digest)
	}
}
