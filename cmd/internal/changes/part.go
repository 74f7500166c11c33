package changes

import (
	"fmt"
	"io"
	"strings"

	"offlinestore/catalog"
	"offlinestore/cmd/internal/cli"
	"offlinestore/importer"
)

// PartRow is a part of a divided bundle in the JSON of the push commands.
type PartRow struct {
	Number int `json:"number"`
	Count  int `json:"count"`
	// Set identifies the parts that belong together.
	Set string `json:"set"`
	// Missing are the parts that are not here. The bundle is imported once there are none.
	Missing []catalog.MissingPart `json:"missing"`
}

// maxParts bounds the parts that a line names. JSON has all of them.
const maxParts = 20

// ListParts names parts: "part 1 (week.part1of3.tar) and part 3 (week.part3of3.tar)".
func ListParts(list []catalog.MissingPart) string {
	var out []string
	for i, p := range list {
		if i == maxParts {
			out = append(out, cli.Count(len(list)-i, "more part"))
			break
		}
		out = append(out, fmt.Sprintf("part %d (%s)", p.Number, cli.Clean(p.File)))
	}
	if n := len(out); n > 1 {
		return strings.Join(out[:n-1], ", ") + " and " + out[n-1]
	}
	return strings.Join(out, "")
}

// printPart prints the result of a part. It reports whether the bundle was imported with it.
func printPart(w io.Writer, f *importer.File) (imported bool) {
	p := f.Part
	title := fmt.Sprintf("[%s] Part %d of %d", f.Content, p.Number, p.Count)
	switch {
	case len(p.Missing) > 0 && p.Held:
		fmt.Fprintf(w, "%s was here already. The bundle waits for %s.\n", title, ListParts(catalog.MissingParts(p.Files, p.Missing)))
	case len(p.Missing) > 0:
		fmt.Fprintf(w, "%s is here. The bundle waits for %s.\n", title, ListParts(catalog.MissingParts(p.Files, p.Missing)))
	case p.Imports:
		return true
	default:
		fmt.Fprintf(w, "%s is here.\n", title)
	}
	return false
}

// printPartPlan prints the plan of a part. It reports whether the bundle would be imported with it.
func printPartPlan(w io.Writer, f *importer.File) (imports bool) {
	p := f.Part
	fmt.Fprintf(w, "  part %d of %d", p.Number, p.Count)
	switch {
	case p.Held:
		fmt.Fprint(w, ", which is here already")
	case f.Payload > 0:
		fmt.Fprintf(w, ", copy %s of %s", cli.Bytes(f.Missing), cli.Bytes(f.Payload))
	}
	if len(p.Missing) > 0 {
		fmt.Fprintf(w, "; the bundle then waits for %s", ListParts(catalog.MissingParts(p.Files, p.Missing)))
	}
	fmt.Fprintln(w)
	return len(p.Missing) == 0 && p.Imports
}
