package transfer

import (
	"context"
	"net/http"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// TestTurnLowersPriority looks at the priority of the thread that computes a large request, and of the one that goes on after it.
func TestTurnLowersPriority(t *testing.T) {
	usual, mayRaise := usualPriority()
	c := &conn{l: &listener{guard: &Guard{turns: make(chan struct{}, 1)}}, large: make(chan struct{}, 1)}
	done := Turn(new(http.Request).WithContext(context.WithValue(t.Context(), connKey{}, c)))
	if n := nice(t); mayRaise && n != lowestPriority || !mayRaise && n != usual {
		t.Errorf("nice = %d in a turn; usual %d, may raise: %v", n, usual, mayRaise)
	}
	done()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if n := nice(t); n != usual {
		t.Errorf("nice = %d after a turn, want %d", n, usual)
	}
}

// nice returns the nice value of the calling thread.
func nice(t *testing.T) int {
	t.Helper()
	raw, err := unix.Getpriority(unix.PRIO_PROCESS, 0)
	if err != nil {
		t.Fatal(err)
	}
	return 20 - raw
}
