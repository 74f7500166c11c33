package keyring_test

import (
	"path/filepath"
	"testing"

	"golang.org/x/sys/windows"

	"offlinestore/keyring"
)

// TestExposed makes a key that only its user may read, and lets everybody read it.
func TestExposed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := keyring.Open(dir)
	if _, err := r.Generate("default"); err != nil {
		t.Fatal(err)
	}
	path, exposed := r.Exposed("default")
	if exposed || path != filepath.Join(dir, "default.pem") {
		t.Errorf("Exposed of a new key = %s, %v", path, exposed)
	}
	sd, err := windows.SecurityDescriptorFromString("D:P(A;;FA;;;WD)")
	if err != nil {
		t.Fatal(err)
	}
	list, _, err := sd.DACL()
	if err != nil {
		t.Fatal(err)
	}
	if err := windows.SetNamedSecurityInfo(path, windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION|windows.PROTECTED_DACL_SECURITY_INFORMATION, nil, nil, list, nil); err != nil {
		t.Fatal(err)
	}
	if _, exposed := r.Exposed("default"); !exposed {
		t.Error("Exposed of a key that everybody may read = false")
	}
	if _, err := r.Load("default"); err != nil {
		t.Errorf("Load of a key that others may read = %v", err)
	}
}
