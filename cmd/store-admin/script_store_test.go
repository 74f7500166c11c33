package main

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"offlinestore/internal/assertiontest"
	"offlinestore/internal/upstreamtest"
)

// downloads is the origin of all blobs.
const downloads = "/download-origin/"

// peak counts the downloads that run at once.
type peak struct {
	mu        sync.Mutex
	now, most int
}

func (p *peak) count(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, downloads) {
			p.addRunning(1)
			defer p.addRunning(-1)
		}
		h.ServeHTTP(w, r)
	})
}

func (p *peak) addRunning(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now += n
	p.most = max(p.most, p.now)
}

// atMost implements atmost N: it checks that exactly N downloads ran at once, at the peak.
func atMost(ts *testscript.TestScript, neg bool, args []string) {
	p := storeOf(ts).peak
	p.mu.Lock()
	defer p.mu.Unlock()
	if strconv.Itoa(p.most) != args[0] {
		ts.Fatalf("%d downloads ran at once, want %s", p.most, args[0])
	}
}

// requests implements requests N PREFIX [HEADER=PREFIX], which counts the store's requests since the last forget.
func requests(ts *testscript.TestScript, neg bool, args []string) {
	u, n := storeOf(ts), 0
	for _, r := range u.Requests()[u.seen:] {
		if !strings.HasPrefix(r.Path, args[1]) {
			continue
		}
		if len(args) > 2 {
			name, want, _ := strings.Cut(args[2], "=")
			if got := r.Header.Get(name); got == "" || !strings.HasPrefix(got, want) {
				continue
			}
		}
		n++
	}
	if strconv.Itoa(n) != args[0] {
		ts.Fatalf("%d requests for %s, want %s", n, strings.Join(args[1:], " "), args[0])
	}
}

// forget implements forget: it restarts the count of requests, and removes the faults.
func forget(ts *testscript.TestScript, neg bool, args []string) {
	u := storeOf(ts)
	u.seen = len(u.Requests())
	u.Heal()
}

// await implements await N PREFIX, which waits until the store has got N such requests since the last forget.
func await(ts *testscript.TestScript, neg bool, args []string) {
	u := storeOf(ts)
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	for range 1000 {
		n := 0
		for _, r := range u.Requests()[u.seen:] {
			if strings.HasPrefix(r.Path, args[1]) {
				n++
			}
		}
		if n >= want {
			time.Sleep(200 * time.Millisecond) // the answer needs time to arrive
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	ts.Fatalf("no request for %s came", args[1])
}

// fault implements fault KIND PATH SKIP TIMES [ARG...], which makes the store fail.
func fault(ts *testscript.TestScript, neg bool, args []string) {
	n := make([]int, 2)
	for i := range n {
		var err error
		n[i], err = strconv.Atoi(args[2+i])
		ts.Check(err)
	}
	f := upstreamtest.Fault{Path: args[1], Skip: n[0], Times: n[1]}
	rest := append(args[4:], "0")
	at, _ := strconv.ParseInt(rest[0], 10, 64)
	switch args[0] {
	case "status":
		f.Do = upstreamtest.Status(int(at), rest[1:len(rest)-1]...)
	case "page":
		f.Do = upstreamtest.Page(int(at))
	case "redirect": // ORIGIN
		f.Do = func(http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, args[4]+r.URL.RequestURI(), http.StatusTemporaryRedirect)
			})
		}
	case "cut":
		f.Do = upstreamtest.Cut(at)
	case "stall":
		f.Do = upstreamtest.Stall(at)
	case "slow":
		f.Do = upstreamtest.Slow(time.Duration(at) * time.Millisecond)
	case "corrupt":
		f.Do = upstreamtest.Corrupt(at)
	case "norange":
		f.Do = upstreamtest.NoRange
	case "rewrite":
		f.Do = upstreamtest.Rewrite(args[4], args[5])
	default:
		ts.Fatalf("unknown fault %s", args[0])
	}
	storeOf(ts).Inject(f)
}

// change implements change WHAT ARG..., which makes the store lie, or changes its content.
func change(ts *testscript.TestScript, neg bool, args []string) {
	u := storeOf(ts)
	num := func(i int) int {
		n, err := strconv.Atoi(args[i])
		ts.Check(err)
		return n
	}
	switch args[0] {
	case "release": // NAME ARCH CHANNEL REVISION
		ts.Check(u.Release(args[1], args[2], args[3], num(4)))
	case "close": // NAME ARCH CHANNEL
		ts.Check(u.Close(args[1], args[2], args[3]))
	case "snap": // NAME BASE PROVIDER REVISION CHANNEL ARCH
		ts.Check(u.AddSnap(upstreamtest.Snap{Name: args[1], Base: args[2], Providers: strings.Fields(args[3])}))
		ts.Check(u.AddRevision(args[1], upstreamtest.Rev{Revision: num(4), Architectures: []string{args[6]}, Blob: upstreamtest.Random(args[1], payload)}))
		ts.Check(u.Release(args[1], args[6], args[5], num(4)))
	case "announce": // NAME REVISION SHA3-384 SIZE
		ts.Check(announce(u, args[1], num(2), args[3], args[4]))
	case "forge": // NAME REVISION
		ts.Check(u.ForgeRevision(args[1], num(2)))
	case "withdraw": // NAME
		u.Withdraw(args[1])
	case "revoke": // NAME
		u.Revoke(upstreamtest.ID(args[1]))
	case "expire":
		u.ExpireKey()
	case "lose": // NAME REVISION
		u.Remove(u.RevisionRef(args[1], num(2)))
	case "rename": // NAME OTHER: the declaration of NAME says OTHER
		u.Replace(u.Stack.SnapDeclaration(upstreamtest.ID(args[1]), args[2], assertiontest.RootID, assertiontest.Headers{"revision": "9"}))
	case "describe": // NAME TITLE
		u.Describe(args[1], args[2], nil)
	default:
		ts.Fatalf("unknown change %s", args[0])
	}
}

func announce(u *simulation, name string, revision int, sum, size string) error {
	n, err := strconv.ParseInt(size, 10, 64)
	if sum == "wrong" {
		sum = strings.Repeat("ab", 48)
	}
	if sum == "same" {
		sum = ""
	}
	u.Announce(name, revision, sum, n)
	return err
}

// freeOfSecrets implements free-of-secrets FILE..., which looks for the store's tokens and for private keys.
func freeOfSecrets(ts *testscript.TestScript, neg bool, args []string) {
	for _, file := range args {
		text := ts.ReadFile(file)
		for _, secret := range []string{upstreamtest.Token, "token=", "PRIVATE KEY", upstreamtest.DemoRegistryPassword} {
			if strings.Contains(text, secret) {
				ts.Fatalf("%s shows %s", file, secret)
			}
		}
	}
}
