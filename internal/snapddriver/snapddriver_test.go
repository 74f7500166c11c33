//go:build linux || darwin

package snapddriver_test

import (
	"errors"
	"os/exec"
	"sync"
	"testing"

	"offlinestore/internal/snapddriver"
)

func TestBuildOnce(t *testing.T) {
	t.Parallel()
	want := snapddriver.Build(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			got, err := snapddriver.Binary(t.Context())
			if got != want || err != nil {
				t.Errorf("Binary = %q, %v, want %q", got, err, want)
			}
		})
	}
	wg.Wait()
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	bin := snapddriver.Build(t)
	for _, test := range []struct {
		args []string
		want int
	}{
		{[]string{"info", "--help"}, snapddriver.ExitOK},
		{nil, snapddriver.ExitUsage},
		{[]string{"info", "jq"}, snapddriver.ExitUsage},
		{[]string{"verify", "testdata/absent.assert"}, snapddriver.ExitFailure},
		{[]string{"verify", "snapddriver.go"}, snapddriver.ExitRefused},
	} {
		if got, out := run(t, bin, test.args...); got != test.want {
			t.Errorf("snapdclient %q exits with %d, want %d\n%s", test.args, got, test.want, out)
		}
	}
}

// run runs the program and returns its exit code, with what it printed.
func run(t *testing.T, bin string, args ...string) (int, string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), bin, args...).CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode(), string(out)
	}
	if err != nil {
		t.Fatalf("run snapdclient %q: %v", args, err)
	}
	return 0, string(out)
}
