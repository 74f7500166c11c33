package blob_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"offlinestore/blob"
)

func TestReadFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "small")
	if _, err := blob.ReadFile(path, 8); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("ReadFile of no file = %v, want fs.ErrNotExist", err)
	}
	if err := os.WriteFile(path, []byte("12345678"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := blob.ReadFile(path, 8); string(got) != "12345678" || err != nil {
		t.Errorf("ReadFile of as many bytes as are allowed = %q, %v; want all", got, err)
	}
	got, err := blob.ReadFile(path, 7)
	if large, ok := errors.AsType[*blob.SizeError](err); got != nil || !ok || large.Max != 7 || !strings.Contains(err.Error(), path) {
		t.Errorf("ReadFile of one byte too many = %q, %v; want a SizeError that names the file", got, err)
	}
}

func TestReadAll(t *testing.T) {
	t.Parallel()
	if got, err := blob.ReadAll(strings.NewReader("12"), 2); string(got) != "12" || err != nil {
		t.Errorf("ReadAll = %q, %v; want all", got, err)
	}
	if _, err := blob.ReadAll(strings.NewReader("123"), 2); err == nil || err.Error() != "larger than 2 bytes" {
		t.Errorf("ReadAll of one byte too many = %v, want a SizeError", err)
	}
	broken := errors.New("broken")
	if _, err := blob.ReadAll(iotest.ErrReader(broken), 2); err != broken {
		t.Errorf("ReadAll of a broken reader = %v, want its error", err)
	}
}
