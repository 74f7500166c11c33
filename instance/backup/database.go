package backup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"

	"offlinestore/instance/conninfo"
	"offlinestore/instance/pgcluster"
)

// Database describes the way to a store's catalogue.
type Database struct {
	// Cluster is the private cluster, and Name the database in it. If Cluster is nil, DSN leads to the database.
	Cluster   *pgcluster.Cluster
	Name, DSN string
	// Version is the server's major version.
	Version int
}

// Dump writes the whole database, in its state at one moment.
func (d Database) Dump(ctx context.Context, w io.Writer) error {
	cmd, err := d.command(ctx, "pg_dump", "--format=custom", "--no-owner", "--no-privileges", "--no-password", "--exclude-table-data=server")
	if err != nil {
		return err
	}
	out := &errorRecorder{w: w}
	cmd.Stdout = out
	err = runTool(ctx, "dump the database", cmd)
	if out.err != nil {
		return fmt.Errorf("dump the database: %w", out.err) // pg_dump reports only that nobody reads its output
	}
	return err
}

// Restore fills an empty database from the output of Dump, completely or not at all.
func (d Database) Restore(ctx context.Context, r io.Reader) error {
	cmd, err := d.command(ctx, "pg_restore", "--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges", "--no-password")
	if err != nil {
		return err
	}
	// Without --dbname, pg_restore writes SQL to its output.
	name := d.Name
	if d.Cluster == nil {
		if name, err = conninfo.ForCommandLine(d.DSN); err != nil {
			return err
		}
	}
	cmd.Args = append(cmd.Args, "--dbname="+name)
	cmd.Stdin = r
	return runTool(ctx, "restore the database", cmd)
}

func (d Database) command(ctx context.Context, name string, args ...string) (*exec.Cmd, error) {
	if d.Cluster != nil {
		return d.Cluster.Command(ctx, name, d.Name, args...), nil
	}
	path, err := pgcluster.FindClient(ctx, name, d.Version)
	if err != nil {
		return nil, err
	}
	dsn, err := conninfo.ForCommandLine(d.DSN)
	if err != nil {
		return nil, err
	}
	cfg, err := pgconn.ParseConfig(d.DSN)
	if err != nil {
		return nil, fmt.Errorf("connection string: %w", err) // pgx takes the password out
	}
	if name == "pg_dump" {
		args = append(args, "--dbname="+dsn)
	}
	cmd := exec.CommandContext(ctx, path, args...)
	// A host that accepts connections and never answers must not hold up the next one.
	cmd.Env = append([]string{"PGCONNECT_TIMEOUT=5"}, os.Environ()...)
	cmd.Env = append(cmd.Env, "LC_ALL=C", "PGAPPNAME=snap-store-proxy")
	if cfg.Password != "" {
		// Everyone can read a command line, but nobody can read another user's environment.
		cmd.Env = append(cmd.Env, "PGPASSWORD="+cfg.Password)
	}
	return cmd, nil
}

// errorRecorder keeps the error of a writer.
type errorRecorder struct {
	w   io.Writer
	err error
}

// Write implements [io.Writer].
func (r *errorRecorder) Write(p []byte) (n int, err error) {
	n, r.err = r.w.Write(p)
	return n, r.err
}

// maxWords bounds the output of a program in an error, in bytes.
const maxWords = 2000

// ToolError reports that a program of PostgreSQL's failed. errors.Is finds syscall.ENOSPC in it if the disk was full.
type ToolError struct {
	Doing, Tool string
	// Words is the program's output.
	Words string
	Err   error
}

// Error quotes the program.
func (e *ToolError) Error() string {
	return fmt.Sprintf("%s: %s: %v: %s", e.Doing, e.Tool, e.Err, strings.Join(strings.Fields(e.Words), " "))
}

// Unwrap returns the reason of the failure.
func (e *ToolError) Unwrap() error {
	if strings.Contains(e.Words, "No space left on device") {
		return syscall.ENOSPC
	}
	return e.Err
}

func runTool(ctx context.Context, doing string, cmd *exec.Cmd) error {
	words := &outputPrefix{max: maxWords}
	cmd.Stderr = words
	err := cmd.Run()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return &ToolError{doing, cmd.Args[0][strings.LastIndexByte(cmd.Args[0], '/')+1:], words.String(), err}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}

// outputPrefix keeps the beginning of the text that is written to it.
type outputPrefix struct {
	bytes.Buffer
	max int
}

// Write implements [io.Writer].
func (h *outputPrefix) Write(p []byte) (int, error) {
	h.Buffer.Write(p[:max(0, min(len(p), h.max-h.Len()))])
	return len(p), nil
}
