//go:build unix

package pgcluster_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"

	"offlinestore/instance/pgcluster"
)

// helperDir names the cluster that this binary uses as another process, until its stdin ends.
const helperDir = "PGCLUSTER_TEST_HELPER_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(helperDir); dir != "" {
		if err := helper(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	code := m.Run()
	if template.dir != "" {
		os.RemoveAll(template.dir)
	}
	os.Exit(code)
}

// template is a cluster that tests copy, since initdb takes longer than everything else.
var template struct {
	once sync.Once
	dir  string
	err  error
}

func makeTemplate() (err error) {
	if template.dir, err = os.MkdirTemp("", "pgcluster-test-"); err != nil {
		return err
	}
	if err := os.Chmod(template.dir, 0o755); err != nil {
		return err
	}
	c, err := pgcluster.Start(context.Background(), pgcluster.Options{Dir: filepath.Join(template.dir, "pg")})
	if err != nil {
		return err
	}
	return c.Close()
}

// existing returns the folder of a cluster that isn't running.
func existing(t *testing.T) string {
	t.Helper()
	needPostgreSQL(t)
	template.once.Do(func() { template.err = makeTemplate() })
	if template.err != nil {
		t.Fatalf("make a cluster: %v", template.err)
	}
	dir := filepath.Join(tempDir(t), "my pg")
	if out, err := exec.Command("cp", "-a", filepath.Join(template.dir, "pg"), dir).CombinedOutput(); err != nil {
		t.Fatalf("copy a cluster: %v: %s", err, out)
	}
	return dir
}

// identity distinguishes clusters, and runs of a cluster.
type identity struct {
	System  string
	Started string
}

func helper(dir string) error {
	ctx := context.Background()
	c, err := pgcluster.Start(ctx, pgcluster.Options{Dir: dir})
	if err != nil {
		return err
	}
	id, err := identify(ctx, c)
	if err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(id); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	return c.Close()
}

func identify(ctx context.Context, c *pgcluster.Cluster) (identity, error) {
	var id identity
	conn, err := pgx.Connect(ctx, c.DSN("postgres", pgcluster.Superuser))
	if err != nil {
		return id, err
	}
	defer conn.Close(ctx)
	err = conn.QueryRow(ctx, `SELECT (SELECT system_identifier::text FROM pg_control_system()), pg_postmaster_start_time()::text`).
		Scan(&id.System, &id.Started)
	return id, err
}

// process is another process that uses a cluster.
type process struct {
	cmd   *exec.Cmd
	stdin io.Closer
	out   *bufio.Reader
}

func startProcess(t *testing.T, dir string) *process {
	t.Helper()
	return startAs(t, dir, os.Args[0], nil)
}

// startAs starts another process from a copy of this binary.
func startAs(t *testing.T, dir, binary string, attr *syscall.SysProcAttr) *process {
	t.Helper()
	cmd := exec.Command(binary)
	cmd.Dir, cmd.SysProcAttr = "/", attr
	cmd.Env = append(os.Environ(), helperDir+"="+dir)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stdin.Close(); cmd.Wait() })
	return &process{cmd, stdin, bufio.NewReader(stdout)}
}

// ready waits until the process uses the cluster.
func (p *process) ready(t *testing.T) identity {
	t.Helper()
	line, err := p.out.ReadString('\n')
	if err != nil {
		t.Fatalf("wait for the other process: %v", err)
	}
	var id identity
	if err := json.Unmarshal([]byte(line), &id); err != nil {
		t.Fatal(err)
	}
	return id
}

// end lets the process close the cluster, and waits for it.
func (p *process) end(t *testing.T) {
	t.Helper()
	p.stdin.Close()
	if err := p.cmd.Wait(); err != nil {
		t.Fatalf("the other process: %v", err)
	}
}

// tempDir returns a folder that PostgreSQL's user may enter; the folder of t.TempDir is closed.
func tempDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "pgcluster-test-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func needPostgreSQL(t *testing.T) {
	t.Helper()
	if _, _, err := pgcluster.Find(); errors.Is(err, pgcluster.ErrNotInstalled) && os.Getenv("CI") == "" {
		t.Skip(err)
	} else if err != nil {
		t.Fatal(err)
	}
}

// start uses the cluster in dir until the test ends or closes it.
func start(t *testing.T, dir string) *pgcluster.Cluster {
	t.Helper()
	needPostgreSQL(t)
	c, err := pgcluster.Start(t.Context(), pgcluster.Options{Dir: dir, Logf: t.Logf})
	if err != nil {
		t.Fatalf("Start: %v", err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return c
}

func mustIdentify(t *testing.T, c *pgcluster.Cluster) identity {
	t.Helper()
	id, err := identify(t.Context(), c)
	if err != nil {
		t.Fatalf("connect to %s: %v", c.DSN("postgres", pgcluster.Superuser), err)
	}
	return id
}

// run runs a statement in the cluster.
func run(t *testing.T, c *pgcluster.Cluster, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), c.DSN("postgres", pgcluster.Superuser))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

func postmasterPid(t *testing.T, dir string) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "data/postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(line)
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// processesIn counts the processes that work in the cluster's data directory.
func processesIn(t *testing.T, dir string) int {
	t.Helper()
	data, err := filepath.EvalSymlinks(filepath.Join(dir, "data"))
	if err != nil {
		return 0
	}
	links, err := filepath.Glob("/proc/[0-9]*/cwd")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, link := range links {
		if cwd, err := os.Readlink(link); err == nil && cwd == data {
			n++
		}
	}
	return n
}
