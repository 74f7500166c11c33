package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// NewMan returns the command that writes the manual pages. It is hidden, because only packages and installers run it.
func NewMan() *cobra.Command {
	return &cobra.Command{
		Use:     "man DIR",
		Short:   "Write the manual pages of this program",
		Long:    "Write the manual pages of this program, and of each of its commands, into a folder.",
		Example: "  store-admin man /usr/local/share/man/man1",
		Args:    cobra.ExactArgs(1),
		Hidden:  true,
		RunE: func(c *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return err
			}
			return writeMan(c.Root(), args[0])
		},
	}
}

// writeMan writes a manual page for c and for each command below it, in section 1. It uses no library, because both
// libraries lose text: cobra/doc reads the help as Markdown, in which <words> and the layout of lists vanish. mango-cobra
// knows neither the name of a subcommand nor its parent's flags, and prints today's date. Neither has a section for the
// exit status.
func writeMan(c *cobra.Command, dir string) error {
	if err := os.WriteFile(filepath.Join(dir, manName(c)+".1"), []byte(manPage(c)), 0o644); err != nil {
		return err
	}
	for _, sub := range manCommands(c) {
		if err := writeMan(sub, dir); err != nil {
			return err
		}
	}
	return nil
}

// manCommands returns the commands below c that have a page. Hidden commands and the commands that cobra adds have none.
func manCommands(c *cobra.Command) []*cobra.Command {
	var list []*cobra.Command
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() && sub.Name() != "help" && sub.Name() != "completion" {
			list = append(list, sub)
		}
	}
	return list
}

func manName(c *cobra.Command) string { return strings.ReplaceAll(c.CommandPath(), " ", "-") }

func manPage(c *cobra.Command) string {
	c.InitDefaultHelpFlag()
	var b strings.Builder
	// There is no date, so that the same program always writes the same pages.
	fmt.Fprintf(&b, ".TH %q 1 \"\" %q \"Air-gapped snap store\"\n", strings.ToUpper(manName(c)), c.Root().Name()+" "+c.Root().Version)
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", roff(manName(c)), roff(c.Short))
	fmt.Fprintf(&b, ".SH SYNOPSIS\n.B %s\n", roff(c.UseLine()))
	long, _, _ := strings.Cut(c.Long, strings.TrimSpace(ExitHelp)) // the exit codes have a section of their own
	if long == "" {
		long = c.Short + "."
	}
	b.WriteString(".SH DESCRIPTION\n")
	manText(&b, long)
	manCommandList(&b, c)
	manFlags(&b, "OPTIONS", c.NonInheritedFlags())
	manFlags(&b, "GLOBAL OPTIONS", c.InheritedFlags())
	if c.Example != "" {
		b.WriteString(".SH EXAMPLES\n")
		manText(&b, c.Example)
	}
	_, codes, _ := strings.Cut(strings.TrimSpace(ExitHelp), "\n")
	b.WriteString(".SH EXIT STATUS\n")
	manText(&b, codes)
	if c.HasParent() {
		fmt.Fprintf(&b, ".SH SEE ALSO\n.BR %s (1)\n", roff(manName(c.Parent())))
	}
	return b.String()
}

func manCommandList(b *strings.Builder, c *cobra.Command) {
	for i, sub := range manCommands(c) {
		if i == 0 {
			b.WriteString(".SH COMMANDS\n")
		}
		fmt.Fprintf(b, ".TP\n.BR %s (1)\n%s.\n", roff(manName(sub)), roff(sub.Short))
	}
}

// manText writes paragraphs as flowing text, and keeps the layout of indented lines.
func manText(b *strings.Builder, s string) {
	verbatim := false
	for line := range strings.Lines(strings.Trim(s, "\n") + "\n") {
		line = strings.TrimRight(line, " \n")
		indented := strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t")
		switch {
		case line == "" && !verbatim:
			b.WriteString(".PP\n")
			continue
		case indented && !verbatim:
			b.WriteString(".PP\n.nf\n")
			verbatim = true
		case !indented && line != "" && verbatim:
			b.WriteString(".fi\n.PP\n")
			verbatim = false
		}
		b.WriteString(roff(line) + "\n")
	}
	if verbatim {
		b.WriteString(".fi\n")
	}
}

func manFlags(b *strings.Builder, title string, flags *pflag.FlagSet) {
	if !flags.HasAvailableFlags() {
		return
	}
	fmt.Fprintf(b, ".SH %s\n", title)
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Deprecated != "" {
			return
		}
		name, usage := pflag.UnquoteUsage(f)
		b.WriteString(".TP\n")
		if f.Shorthand != "" {
			fmt.Fprintf(b, "\\fB%s\\fR, ", roff("-"+f.Shorthand))
		}
		fmt.Fprintf(b, "\\fB%s\\fR", roff("--"+f.Name))
		if name != "" {
			fmt.Fprintf(b, " \\fI%s\\fR", roff(name))
		}
		fmt.Fprintf(b, "\n%s\n", roff(usage+manDefault(f)))
	})
}

// manDefault returns the default of a flag. The pages are for other users than the one who generates them.
func manDefault(f *pflag.Flag) string {
	value := f.DefValue
	if home, err := os.UserHomeDir(); err == nil && home != "/" && strings.HasPrefix(value, home+"/") {
		value = "~" + strings.TrimPrefix(value, home)
	}
	switch value {
	case "", "false", "0", "0s", "[]":
		return ""
	}
	return " (default " + strings.Trim(value, "[]") + ")"
}

// roff escapes a line so that troff reads it as plain text.
func roff(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`, "\n", " ").Replace(asASCII.Replace(s))
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		s = `\&` + s
	}
	return asciiOnly(s)
}

// asASCII has the characters of the help that a terminal in the locale C cannot show.
var asASCII = strings.NewReplacer("…", "...", "→", "->", "–", "-", "—", "--", "“", `"`, "”", `"`, "‘", "'", "’", "'")

// asciiOnly replaces other characters by their numbers, because troff reads each byte as a character.
func asciiOnly(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r > unicode.MaxASCII {
			fmt.Fprintf(&b, `\[u%04X]`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}
