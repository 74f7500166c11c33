package pgcluster

import (
	"errors"
	"fmt"
	"os/exec"
	"runtime"

	"golang.org/x/sys/unix"
)

// outputWithoutRights runs a command without the rights that systemd gave this process, as the one for low ports, and returns its standard
// output. PostgreSQL needs none. With them, other processes of its user could not see that it works in the data folder.
func outputWithoutRights(cmd *exec.Cmd) (out []byte, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // without unlocking: the thread ends with its rights
		// Kernels that do not know the call do not know such rights.
		if err = unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil && !errors.Is(err, unix.EINVAL) {
			err = fmt.Errorf("give up rights: %w", err)
			return
		}
		out, err = cmd.Output()
	}()
	<-done
	return out, err
}
