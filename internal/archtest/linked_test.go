package archtest_test

import (
	"os/exec"
	"strings"
	"testing"
)

// TestStoreAdminLinksNoS3 holds that the program for laptops has no client of S3 in it.
func TestStoreAdminLinksNoS3(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-deps", module+"/cmd/store-admin").Output()
	if err != nil {
		t.Fatal(err)
	}
	for path := range strings.Lines(string(out)) {
		path = strings.TrimSpace(path)
		if strings.HasPrefix(path, "github.com/minio/") || path == module+"/instance" {
			t.Errorf("store-admin links %s", path)
		}
	}
}
