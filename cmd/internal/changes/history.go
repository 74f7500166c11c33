package changes

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"

	"offlinestore/catalog"
	"offlinestore/catalog/overview"
	"offlinestore/cmd/internal/cli"
)

// PrintHistory prints the history of a store. names are the names of signers.
func PrintHistory(w io.Writer, list []overview.Entry, names map[string]string, asJSON bool) error {
	if asJSON {
		out := []any{}
		for _, e := range list {
			out = append(out, e.Record())
		}
		return cli.PrintJSON(w, out)
	}
	for _, e := range list {
		switch {
		case e.Import != nil:
			printImport(w, e.Import, names)
		case e.Rollback != nil:
			printRollback(w, e.Rollback)
		case e.Act != nil:
			printAct(w, e.Act)
		default:
			printRemoval(w, e.Removal)
		}
	}
	return nil
}

// maxMoves bounds the channels that a line of the history names. JSON has all of them.
const maxMoves = 4

func printImport(w io.Writer, r *catalog.Record, names map[string]string) {
	counts := countReport(&r.Report)
	if moves := overview.Moves(&r.Report, maxMoves); len(moves) > 0 {
		counts = strings.Join(moves, ", ") + "; " + counts
	}
	if r.Rollback > 0 {
		counts += fmt.Sprintf("; taken back by rollback %d", r.Rollback)
	}
	fmt.Fprintf(w, "%s import %d: %s %s: %s\n", r.ImportedAt.UTC().Format(time.RFC3339), r.ID, cli.Clean(cmp.Or(r.Name, r.Bundle.String())), cli.Clean(overview.Voucher(r, names)), cli.Clean(counts))
}

func printRemoval(w io.Writer, r *catalog.RemovalRecord) {
	forced := ""
	if r.Forced {
		forced = ", forced"
	}
	revisions, moves := r.Report.Changes()
	images, tags := len(r.Report.RepositoryImages), len(r.Report.TagMoves)
	fmt.Fprintf(w, "%s %s by %s%s: %s: %s\n", r.RemovedAt.UTC().Format(time.RFC3339), r.Reason, cli.Clean(r.RemovedBy), forced,
		cli.Clean(strings.Join(r.Report.Names(), ", ")), strings.Join(countBoth("-", revisions-images, moves-tags, images, tags), ", "))
}

func printRollback(w io.Writer, r *catalog.RollbackRecord) {
	tags := len(r.Report.TagMoves)
	counts := strings.Join(countMoves(r.Report.Moves()-tags, tags), ", ")
	if moves := overview.Moves(&catalog.Report{SnapMoves: r.Report.SnapMoves, CharmMoves: r.Report.CharmMoves, TagMoves: r.Report.TagMoves}, maxMoves); len(moves) > 0 {
		counts = strings.Join(moves, ", ") + "; " + counts
	}
	fmt.Fprintf(w, "%s rollback %d of import %d by %s: %s\n", r.At.UTC().Format(time.RFC3339), r.ID, r.Import, cli.Clean(r.By), cli.Clean(counts))
}

func printAct(w io.Writer, a *catalog.ChannelAct) {
	state := cmp.Or(string(a.After), string(a.Before))
	fmt.Fprintf(w, "%s %s by %s: %s %s\n", a.At.UTC().Format(time.RFC3339), a.What, cli.Clean(a.Who), cli.Clean(a.Subject), cli.Clean(state))
}

// countBoth counts revisions with their channels, and images with their tags. Without images, it counts the former even if there are none.
func countBoth(sign string, revisions, moves, images, tags int) (list []string) {
	if revisions+moves > 0 || images+tags == 0 {
		list = append(list, sign+cli.Count(revisions, "revision"), cli.Count(moves, "channel change"))
	}
	if images+tags > 0 {
		list = append(list, sign+cli.Count(images, "image"), cli.Count(tags, "tag change"))
	}
	return list
}

// countMoves counts changes of channels and of tags.
func countMoves(moves, tags int) (list []string) {
	if moves > 0 || tags == 0 {
		list = append(list, cli.Count(moves, "channel change"))
	}
	if tags > 0 {
		list = append(list, cli.Count(tags, "tag change"))
	}
	return list
}

// countReport counts the changes of an import: the revisions and the rows, and all other kinds that there are.
func countReport(r *catalog.Report) string {
	revisions, moves := r.Changes()
	images, tags := len(r.RepositoryImages), len(r.TagMoves)
	list := countBoth("+", revisions-images, moves-tags, images, tags)
	for _, c := range []struct {
		n    int
		noun string
	}{
		{len(r.Held) + len(r.HeldCharms), "held channel change"}, {len(r.Withdrawals), "withdrawal"}, {len(r.TakeOvers), "take-over"}, {r.Images, "image manifest"}, {len(r.ImageMoves), "image name"},
	} {
		if c.n > 0 {
			list = append(list, cli.Count(c.n, c.noun))
		}
	}
	list = append(list, cli.CountChanges(r.Updates)...)
	if n := r.NewAssertions(); n > 0 {
		list = append(list, cli.Count(n, "new assertion"))
	}
	return strings.Join(list, ", ")
}
