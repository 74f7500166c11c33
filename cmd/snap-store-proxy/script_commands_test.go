//go:build linux

package main_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/rogpeppe/go-internal/testscript"
)

// patience is the longest time that a script waits for something in the background.
const patience = 30 * time.Second

func commands() map[string]func(*testscript.TestScript, bool, []string) {
	d := &download{}
	return map[string]func(*testscript.TestScript, bool, []string){
		"site": useSite, "asuser": asUser, "get": get, "sql": sql, "flip": flip, "slow": d.begin, "finish": d.finish, "listeners": listeners, "signal": signal, "listening": listening, "runsas": runsAs,
		"admin": runAdmin, "upstream": (&line{}).change,
	}
}

// runAdmin implements admin CODE ARG..., which runs store-admin and compares its exit code.
func runAdmin(ts *testscript.TestScript, _ bool, args []string) {
	got := 0
	err := ts.Exec("store-admin", args[1:]...)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("store-admin %s: exit code %d, want %s", strings.Join(args[1:], " "), got, args[0])
	}
}

// useSite sets up the store of a script. It also trusts the exporters in its arguments.
func useSite(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(ts.Exec("snap-store-proxy", "config", "proxy.airgap=true", "proxy.db.connection="+ts.Getenv("DSN")))
	ts.Check(ts.Exec("snap-store-proxy", "trust", "add", ts.Getenv("BUNDLES")+"/exporter.pem"))
	for _, arg := range args {
		ts.Check(ts.Exec("snap-store-proxy", "trust", "add", ts.Getenv("BUNDLES")+"/"+arg+".pem"))
	}
	ts.Check(ts.Exec("snap-store-proxy", "trust", "root", "add", ts.Getenv("BUNDLES")+"/root.assert"))
}

// asUser runs a command as another user. It opens the command's file itself, because the user may not be able to reach it.
func asUser(ts *testscript.TestScript, neg bool, args []string) {
	u, err := user.Lookup(args[0])
	ts.Check(err)
	uid, err := strconv.Atoi(u.Uid)
	ts.Check(err)
	gid, err := strconv.Atoi(u.Gid)
	ts.Check(err)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	path, err := exec.LookPath(args[1])
	ts.Check(err)
	f, err := os.Open(path)
	ts.Check(err)
	defer f.Close()
	cmd := exec.CommandContext(ctx, "/proc/self/fd/3", args[2:]...)
	cmd.Args[0], cmd.ExtraFiles = args[1], []*os.File{f}
	cmd.Dir, cmd.Stdout, cmd.Stderr = ts.MkAbs("."), ts.Stdout(), ts.Stderr()
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	for _, name := range []string{"SNAP_COMMON", "XDG_DATA_HOME", "HOME", "PATH"} {
		if v := ts.Getenv(name); v != "" {
			cmd.Env = append(cmd.Env, name+"="+v)
		}
	}
	if err := cmd.Run(); (err != nil) != neg {
		ts.Fatalf("as %s: %v", args[0], err)
	}
}

func get(ts *testscript.TestScript, _ bool, args []string) {
	code, until := http.StatusOK, regexp.MustCompile("")
	for len(args) > 2 {
		switch args[0] {
		case "-code":
			n, err := strconv.Atoi(args[1])
			ts.Check(err)
			code = n
		case "-until":
			until = regexp.MustCompile(args[1])
		}
		args = args[2:]
	}
	var status int
	var body []byte
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		req, err := http.NewRequest(http.MethodGet, args[0], nil)
		ts.Check(err)
		req.Header.Set("Snap-Device-Series", "16")
		req.Header.Set("Snap-Device-Architecture", "amd64")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			body = []byte(err.Error())
			continue
		}
		body, err = io.ReadAll(resp.Body)
		resp.Body.Close()
		ts.Check(err)
		if status = resp.StatusCode; status == code && until.Match(body) {
			_, err := ts.Stdout().Write(body)
			ts.Check(err)
			return
		}
	}
	ts.Fatalf("get %s: %d: %s; want %d and %q", args[0], status, body, code, until)
}

func sql(ts *testscript.TestScript, neg bool, args []string) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	// The connection uses the database that every cluster has, so that the script's own can be closed to all.
	cfg, err := pgx.ParseConfig(ts.Getenv("DSN"))
	ts.Check(err)
	if strings.HasPrefix(args[0], "alter database") || strings.Contains(args[0], "pg_terminate_backend") {
		cfg.Database = "postgres"
	}
	conn, err := pgx.ConnectConfig(ctx, cfg)
	ts.Check(err)
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, args[0]); (err != nil) != neg {
		ts.Fatalf("%s: %v", args[0], err)
	}
}

func flip(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	f, err := os.OpenFile(ts.MkAbs(args[0]), os.O_RDWR, 0)
	ts.Check(err)
	defer f.Close()
	var b [1]byte
	_, err = f.ReadAt(b[:], n)
	ts.Check(err)
	b[0] ^= 1
	_, err = f.WriteAt(b[:], n)
	ts.Check(err)
}

// download is a download in flight: the client has only read the headers.
type download struct{ resp *http.Response }

func (d *download) begin(ts *testscript.TestScript, _ bool, args []string) {
	// A small window keeps the server from finishing before it is asked to stop.
	resp, err := http.Get(args[0])
	ts.Check(err)
	if resp.StatusCode != http.StatusOK {
		ts.Fatalf("get %s: %s", args[0], resp.Status)
	}
	d.resp = resp
}

func (d *download) finish(ts *testscript.TestScript, _ bool, _ []string) {
	defer d.resp.Body.Close()
	n, err := io.Copy(io.Discard, d.resp.Body)
	ts.Check(err)
	if n != d.resp.ContentLength {
		ts.Fatalf("read %d bytes, want %d", n, d.resp.ContentLength)
	}
}

// listeners checks that the process in the background listens on the TCP port args[0] and no other.
func listeners(ts *testscript.TestScript, _ bool, args []string) {
	fds := fmt.Sprintf("/proc/%d/fd", ts.BackgroundCmds()[0].Process.Pid)
	entries, err := os.ReadDir(fds)
	ts.Check(err)
	mine := make(map[string]bool) // inodes of the process's sockets
	for _, e := range entries {
		if to, err := os.Readlink(filepath.Join(fds, e.Name())); err == nil && strings.HasPrefix(to, "socket:[") {
			mine[strings.Trim(to[len("socket:"):], "[]")] = true
		}
	}
	var ports []string
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		const localAddress, state, inode, listening = 1, 3, 9, "0A"
		for _, line := range strings.Split(ts.ReadFile(table), "\n") {
			if f := strings.Fields(line); len(f) > inode && f[state] == listening && mine[f[inode]] {
				n, err := strconv.ParseUint(f[localAddress][strings.LastIndexByte(f[localAddress], ':')+1:], 16, 16)
				ts.Check(err)
				ports = append(ports, fmt.Sprint(n))
			}
		}
	}
	if !slices.Equal(ports, args) {
		ts.Fatalf("the process listens on TCP ports %v, want %v", ports, args)
	}
}

// signal sends a signal that testscript's kill does not know.
func signal(ts *testscript.TestScript, _ bool, args []string) {
	signals := map[string]os.Signal{"TERM": syscall.SIGTERM, "INT": syscall.SIGINT, "KILL": syscall.SIGKILL}
	for _, c := range ts.BackgroundCmds() {
		if filepath.Base(c.Path) == "snap-store-proxy" {
			ts.Check(c.Process.Signal(signals[args[0]]))
			return
		}
	}
	ts.Fatalf("no snap-store-proxy runs in the background")
}

// listening waits until a server listens, or until it stops listening.
func listening(ts *testscript.TestScript, neg bool, args []string) {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		conn, err := net.Dial("tcp", args[0])
		if err == nil {
			conn.Close()
		}
		if (err != nil) == neg {
			return
		}
	}
	ts.Fatalf("%s: in %s, that did not change", args[0], patience)
}

// runsAs checks the user of each thread of the process in the background.
func runsAs(ts *testscript.TestScript, _ bool, args []string) {
	u, err := user.Lookup(args[0])
	ts.Check(err)
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", ts.BackgroundCmds()[0].Process.Pid))
	ts.Check(err)
	want := strings.Join([]string{"Uid:", u.Uid, u.Uid, u.Uid, u.Uid}, "\t") + "\n"
	for _, f := range files {
		if text := ts.ReadFile(f); !strings.Contains(text, want) {
			ts.Fatalf("%s: %s; want %s", f, text, want)
		}
	}
}
