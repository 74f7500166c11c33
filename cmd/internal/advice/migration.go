// Package advice tells operators the next steps: what to do about a gap, a fault, a failed connection, and on the way from the original product.
package advice

import (
	"fmt"
	"io"
	"strings"

	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
	"offlinestore/instance/settings"
)

// MigrationStep is a step from the original to this store.
type MigrationStep struct {
	Name string `json:"name"`
	Done bool   `json:"done"`
	// Detail describes the data that was found.
	Detail string `json:"detail,omitempty"`
	// Command does the step.
	Command string `json:"command,omitempty"`
}

// MigrationGuide holds the words for a migration.
type MigrationGuide struct {
	Steps    []MigrationStep `json:"steps"`
	Warnings []string        `json:"warnings"`
}

// NewMigrationGuide returns the steps in the order of their dependencies. file is the name of the original's settings.
func NewMigrationGuide(m *instance.Migration, file string) *MigrationGuide {
	assertion := m.Original.Assertion
	if assertion == "" {
		assertion = "FILE   (the original's nginx/airgap/store.assert, in the folder of its data)"
	}
	return &MigrationGuide{Warnings: migrationWarnings(m), Steps: []MigrationStep{
		settingsStep(m, file),
		{Name: "prepare the database and the secrets", Done: m.Prepared, Command: "snap-store-proxy enable-airgap-mode"},
		{Name: "take over the store assertion, so that devices need not change", Done: m.Registered, Detail: m.StoreID,
			Command: "snap-store-proxy config --import-store-assertion " + assertion},
		{Name: "trust who exports", Done: m.Signers > 0, Detail: countFound(m.Signers, "signer"), Command: "snap-store-proxy trust add FILE   (from 'store-admin key export' outside)"},
		{Name: "bring the snaps, and the charms: export them again, or push the original's files as they are", Done: m.Packages > 0, Detail: countFound(m.Packages, "package"),
			Command: "snap-store-proxy push-snap FILE…, push-charms FILE…   (unsigned files of the original: --allow-unsigned)"},
		{Name: "see that nothing is missing", Done: m.Complete(), Detail: countFound(len(m.Gaps), "gap"), Command: "snap-store-proxy check"},
		{Name: "stop the original, and serve in its place", Command: "snap stop --disable enterprise-store; snap-store-proxy serve; snap-store-proxy check-connections"},
		{Name: "save the store", Command: "snap-store-proxy backup /var/backups/store"},
	}}
}

func settingsStep(m *instance.Migration, file string) MigrationStep {
	s := MigrationStep{Name: "take over the settings", Done: m.Domain != ""}
	s.Command = "snap-store-proxy config --import-yaml <original.yaml   (from 'enterprise-store config --export-yaml')"
	if file != "" {
		s.Command = "snap-store-proxy config --import-yaml <" + file
	}
	var details []string
	if s.Done {
		details = append(details, settings.Domain+" is "+m.Domain)
	}
	if m.Original.Settings != nil {
		details = append(details, fmt.Sprintf("the file has %s that are taken over", cli.Count(len(m.Original.Settings), "setting")))
	}
	s.Detail = strings.Join(details, "; ")
	return s
}

func migrationWarnings(m *instance.Migration) []string {
	out := []string{}
	if m.Database != nil {
		out = append(out, "the database is not available: "+m.Database.Error())
	}
	for _, i := range m.Original.Ignored {
		out = append(out, fmt.Sprintf("%s is left out: %s", i.Name, i.Why))
	}
	if m.Original.Settings[settings.DBConnection] != "" {
		out = append(out, settings.DBConnection+" leads to the original's database, whose tables are others: give this store an empty one, or unset it for a private cluster")
	}
	return append(out, cli.GapReport(m.Gaps)...)
}

// countFound returns a count in words, or "" for zero.
func countFound(n int, thing string) string {
	if n == 0 {
		return ""
	}
	return cli.Count(n, thing)
}

// Print prints the steps, and the commands of the ones that are not done.
func (g *MigrationGuide) Print(w io.Writer) {
	fmt.Fprintln(w, "From the original Enterprise Store to this one:")
	for i, s := range g.Steps {
		mark := " "
		if s.Done {
			mark = "x"
		}
		detail := ""
		if s.Detail != "" {
			detail = " (" + cli.Clean(s.Detail) + ")"
		}
		fmt.Fprintf(w, "[%s] %d. %s%s\n", mark, i+1, s.Name, detail)
		if !s.Done {
			fmt.Fprintf(w, "       %s\n", s.Command)
		}
	}
	for _, text := range g.Warnings {
		fmt.Fprintf(w, "Warning: %s\n", cli.Clean(text))
	}
}
