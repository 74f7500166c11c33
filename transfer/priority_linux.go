package transfer

import (
	"runtime"
	"sync"

	"golang.org/x/sys/unix"
)

// lowestPriority is the nice value of threads that compute much.
const lowestPriority = 19

// usualPriority returns the nice value with which the process started, and whether a thread that has lowered its own may raise it again. Root
// may, and others need a limit for it (LimitNICE in the unit). The thread that tries it ends with its goroutine.
var usualPriority = sync.OnceValues(func() (usual int, mayRaise bool) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		raw, err := unix.Getpriority(unix.PRIO_PROCESS, 0)
		usual = 20 - raw // the system call, unlike the function of C, returns no negative value
		mayRaise = err == nil && setPriority(lowestPriority) == nil && setPriority(usual) == nil
	}()
	<-done
	return usual, mayRaise
})

// lowerPriority moves the calling goroutine to a thread that gets only little time beside others, until the same goroutine calls raise. If
// the system does not let threads raise their priority again, it changes nothing.
func lowerPriority() (raise func()) {
	usual, mayRaise := usualPriority()
	if !mayRaise {
		return func() {}
	}
	runtime.LockOSThread()
	lowered := setPriority(lowestPriority) == nil
	return func() {
		if !lowered || setPriority(usual) == nil {
			runtime.UnlockOSThread() // otherwise, the thread ends with the goroutine
		}
	}
}

// setPriority sets the nice value of the calling thread.
func setPriority(nice int) error { return unix.Setpriority(unix.PRIO_PROCESS, 0, nice) }
