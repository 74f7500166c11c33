//go:build linux || darwin

package snapddriver_test

import (
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
		if got := snapddriver.Run(t, test.args...); got.Code != test.want {
			t.Errorf("snapdclient %q exits with %d, want %d\n%s", test.args, got.Code, test.want, got.Stderr)
		}
	}
}
