package service

import (
	"errors"
	"net"
	"testing"
	"time"

	"offlinestore/internal/freeport"
)

// TestLateListener checks that a port is closed until it is opened, and that its place is kept meanwhile.
func TestLateListener(t *testing.T) {
	t.Parallel()
	for _, ip := range []string{"127.0.0.1", "[::]"} {
		port, err := freeport.Port()
		if err != nil {
			t.Fatal(err)
		}
		l := newLateListener(ip + ":" + port)
		if l.reserved == nil {
			t.Fatal("the port was not reserved")
		}
		accepted := make(chan error, 2)
		go func() {
			for range 2 {
				c, err := l.Accept()
				if err == nil {
					c.Close()
				}
				accepted <- err
			}
		}()
		if _, err := net.Dial("tcp", "127.0.0.1:"+port); err == nil {
			t.Errorf("%s: connected before the port was opened", ip)
		}
		for range 2 {
			if err := l.open(); err != nil {
				t.Fatal(err)
			}
		}
		c, err := net.DialTimeout("tcp", "127.0.0.1:"+port, 5*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := <-accepted; err != nil {
			t.Errorf("%s: %v", ip, err)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if err := <-accepted; !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s: got %v after Close, want ErrClosed", ip, err)
		}
		for end := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) { // a process that another test starts has the socket for a moment
			c, err := net.Dial("tcp", "127.0.0.1:"+port)
			if err != nil {
				break
			}
			if c.Close(); time.Now().After(end) {
				t.Fatalf("%s: connected after Close", ip)
			}
		}
	}
}

// TestLateListenerGivesWay checks that a program that wants the port first gets it, and that opening is an error then.
func TestLateListenerGivesWay(t *testing.T) {
	t.Parallel()
	// No other test is given these ports.
	address, err := freeport.Address()
	if err != nil {
		t.Fatal(err)
	}
	taken, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	l := newLateListener(address)
	defer l.Close()
	if err := l.open(); err == nil {
		t.Error("opened a port that another program has")
	}
	taken.Close()
	// A process that another test is starting has the port until it runs its program.
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		err := l.open()
		if err == nil {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("open after the other program has gone: %v", err)
		}
	}
	free := newLateListener("127.0.0.1:0")
	free.Close()
	if _, err := free.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v, want ErrClosed", err)
	}
	if address, err = freeport.Address(); err != nil {
		t.Fatal(err)
	}
	late := newLateListener(address)
	defer late.Close()
	balancer, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatalf("a balancer can't have the port: %v", err)
	}
	defer balancer.Close()
	if err := late.open(); err == nil {
		t.Error("opened a port that a balancer has taken meanwhile")
	}
}
