//go:build unix

package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

// The connections of many devices: idle ones, and one of twenty that asks all the time. There are fewer where the system allows fewer open files.
const (
	allConnections = 20_000
	perAsking      = 20
	// connectionHosts is the number of addresses that the devices have. A client may have an eighth of the connections.
	connectionHosts = 100
	// askedTime is the time for which devices ask.
	askedTime = 10 * time.Second
)

// connections measures a server with many connections of which most are idle.
func (b *bench) connections() error {
	all, err := connectionLimit()
	if err != nil {
		return err
	}
	data := b.path("connections", "data")
	if err := os.MkdirAll(filepath.Dir(data), 0o755); err != nil {
		return err
	}
	g := newLargeCatalogue(smallSnaps)
	if err := b.fillLarge(data, g); err != nil {
		return err
	}
	s, _, err := b.startLarge(data)
	if err != nil {
		return err
	}
	defer stopProcess(s.process)
	ask := &asker{address: s.address(), span: askedTime}
	for i := range smallSnaps {
		ask.requests = append(ask.requests, postRequest(ask.address, g.refresh(i)))
	}
	idle, err := ask.open(all - all/perAsking)
	if err != nil {
		return err
	}
	busy, err := ask.open(all / perAsking)
	if err != nil {
		return err
	}
	times, err := ask.all(busy)
	if err != nil {
		return err
	}
	now, peak, err := s.memory()
	if err != nil {
		return err
	}
	closed := ask.close(append(idle, busy...))
	fmt.Printf("%-42s %7.0fMiB %7.0fMiB at most %4s\n", fmt.Sprintf("%d connections, %d idle: memory", all, len(idle)), now, peak, "<= 1024")
	fmt.Printf("%-42s %8.0f/s\n", fmt.Sprintf("  refresh over %d of them", len(busy)), float64(len(times))/askedTime.Seconds())
	fmt.Printf("%-42s %8.1fms\n", "  99 of 100 are answered within", times[len(times)*99/100].Seconds()*1000)
	fmt.Printf("%-42s %10d %28s\n", "  refused or closed", closed, "0")
	return nil
}

// close asks once more over each connection, closes it, and returns the number of the ones that the server had closed.
func (a *asker) close(conns []*deviceConn) (closed int) {
	for _, c := range conns {
		if c.ask(a.requests[0]) != nil {
			closed++
		}
		c.Close()
	}
	return closed
}

// connectionLimit returns the number of connections that a server can have: a descriptor of two is for a download, and HTTP has 40 % of them.
func connectionLimit() (int, error) {
	const need = allConnections*2*100/40 + 1000
	if syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: need, Max: need}) == nil { // root may raise it
		return allConnections, nil
	}
	var limit syscall.Rlimit
	err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit)
	return min(allConnections, (int(limit.Cur)-1000)/2*40/100), err
}

// refresh returns the request of a device with ten snaps, the first of which has a number.
func (g *largeCatalogue) refresh(first int) []byte {
	var ids []string
	for i := range installedSnaps {
		ids = append(ids, largeID((first+i*997)%g.snaps))
	}
	return refreshBody(ids)
}

func postRequest(address string, body []byte) []byte {
	return fmt.Appendf(nil, "POST /v2/snaps/refresh HTTP/1.1\r\nHost: %s\r\nUser-Agent: snapd/2.70\r\nContent-Type: application/json\r\nAccept: application/json\r\n"+
		"Snap-Device-Architecture: amd64\r\nContent-Length: %d\r\n\r\n%s", address, len(body), body)
}

// asker sends requests of devices.
type asker struct {
	address  string
	requests [][]byte
	// span is the time for which all asks.
	span time.Duration
}

// deviceConn is a connection of a device.
type deviceConn struct {
	net.Conn
	r *bufio.Reader
}

// open opens connections, and sends a request over each.
func (a *asker) open(n int) ([]*deviceConn, error) {
	conns := make([]*deviceConn, n)
	var g errgroup.Group
	g.SetLimit(64)
	for i := range conns {
		g.Go(func() error {
			d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(1+i%connectionHosts))}}
			c, err := d.Dial("tcp", a.address)
			if err != nil {
				return err
			}
			conns[i] = &deviceConn{c, bufio.NewReaderSize(c, 1024)}
			if err := conns[i].ask(a.requests[i%len(a.requests)]); err != nil {
				return fmt.Errorf("connection %d: %w", i, err)
			}
			return nil
		})
	}
	return conns, g.Wait()
}

// ask sends a request, and reads the answer.
func (c *deviceConn) ask(request []byte) error {
	c.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := c.Write(request); err != nil {
		return err
	}
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the answer is %s", resp.Status)
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

// all asks over all connections for a while, and returns the sorted times of the answers.
func (a *asker) all(conns []*deviceConn) ([]time.Duration, error) {
	var mu sync.Mutex
	var times []time.Duration
	var g errgroup.Group
	end := time.Now().Add(a.span)
	for i, c := range conns {
		g.Go(func() error {
			var mine []time.Duration
			for n := i; time.Now().Before(end); n += 31 {
				took, err := timed(func() error { return c.ask(a.requests[n%len(a.requests)]) })
				if err != nil {
					return err
				}
				mine = append(mine, took)
			}
			mu.Lock()
			defer mu.Unlock()
			times = append(times, mine...)
			return nil
		})
	}
	err := g.Wait()
	slices.Sort(times)
	return times, err
}
