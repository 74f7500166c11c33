package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"offlinestore/cmd/internal/cli"
)

func TestManPages(t *testing.T) {
	t.Parallel()
	run := func(*cobra.Command, []string) error { return nil }
	root := &cobra.Command{Use: "prog", Short: "Do it", Version: "1.2", RunE: run}
	sub := &cobra.Command{Use: "copy FILE", Short: "Copy a file", Example: "  prog copy .x\n  prog copy --to y x", RunE: run,
		Long: "Copy a file….\n.TH is no request, nor is 'this; C:\\x stays.\n\n  as it  is\n\nAnd on.\n" + cli.ExitHelp}
	sub.Flags().StringP("to", "t", "here", "`folder` to copy to")
	sub.Flags().String("old", "", "gone")
	if err := sub.Flags().MarkHidden("old"); err != nil {
		t.Fatal(err)
	}
	root.AddCommand(sub, cli.NewMan())
	dir := filepath.Join(t.TempDir(), "new")
	root.SetArgs([]string{"man", dir})
	if err := root.Execute(); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if diff := cmp.Diff(names, []string{"prog-copy.1", "prog.1"}); diff != "" {
		t.Errorf("pages (-got +want):\n%s", diff)
	}
	page, err := os.ReadFile(filepath.Join(dir, "prog-copy.1"))
	if err != nil {
		t.Fatal(err)
	}
	got, _, _ := strings.Cut(string(page), ".SH EXIT STATUS")
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("page (-got +want):\n%s", diff)
	}
	if !strings.Contains(string(page), "130  interrupted") || !strings.HasSuffix(string(page), ".SH SEE ALSO\n.BR prog (1)\n") {
		t.Errorf("page ends %q", page[len(got):])
	}
}

const want = `.TH "PROG-COPY" 1 "" "prog 1.2" "Air-gapped snap store"
.SH NAME
prog\-copy \- Copy a file
.SH SYNOPSIS
.B prog copy FILE [flags]
.SH DESCRIPTION
Copy a file....
\&.TH is no request, nor is 'this; C:\ex stays.
.PP
.PP
.nf
  as it  is

.fi
.PP
And on.
.SH OPTIONS
.TP
\fB\-h\fR, \fB\-\-help\fR
help for copy
.TP
\fB\-t\fR, \fB\-\-to\fR \fIfolder\fR
folder to copy to (default here)
.SH EXAMPLES
.PP
.nf
  prog copy .x
  prog copy \-\-to y x
.fi
`
