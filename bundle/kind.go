package bundle

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
)

// FileKind is a kind of file that people give in place of a bundle.
type FileKind string

// The kinds of files that are recognised. Their values are words for people.
const (
	KindSnap       FileKind = "a snap or a component of one"
	KindCharm      FileKind = "a zip file, such as a charm"
	KindAssertions FileKind = "a file of assertions"
	KindPEM        FileKind = "a file in PEM, such as a key or a certificate"
	KindBackup     FileKind = "a file encrypted by age, such as a backup of a store"
	KindInstaller  FileKind = "the installer of a store"
	KindJSON       FileKind = "a file in JSON"
	KindPackage    FileKind = "a package of Debian"
	KindProgram    FileKind = "a program"
)

// KindError reports a file of another kind. It is an ErrNotBundle.
type KindError struct{ Kind FileKind }

func (e *KindError) Error() string { return fmt.Sprintf("it is %s: %v", e.Kind, ErrNotBundle) }

// Unwrap returns ErrNotBundle.
func (e *KindError) Unwrap() error { return ErrNotBundle }

// fileKindOf recognises a file by its beginning. It returns "" for a kind that it does not know.
func fileKindOf(start []byte) FileKind {
	for _, k := range []struct {
		magic string
		kind  FileKind
	}{
		{"hsqs", KindSnap},
		{"PK\x03\x04", KindCharm},
		{"type: ", KindAssertions},
		{"-----BEGIN AGE ENCRYPTED FILE-----", KindBackup},
		{"-----BEGIN ", KindPEM},
		{"age-encryption.org/", KindBackup},
		{"!<arch>\n", KindPackage},
		{"\x7fELF", KindProgram},
	} {
		if bytes.HasPrefix(start, []byte(k.magic)) {
			return k.kind
		}
	}
	if text := bytes.TrimSpace(start); len(text) > 0 && (text[0] == '{' || text[0] == '[') {
		return KindJSON
	}
	return ""
}

// kindInGzip recognises a compressed file by its beginning.
func kindInGzip(start []byte) FileKind {
	z, err := gzip.NewReader(bytes.NewReader(start))
	if err != nil {
		return ""
	}
	name := make([]byte, len(installerFolder))
	if _, err := io.ReadFull(z, name); err == nil && string(name) == installerFolder {
		return KindInstaller
	}
	return ""
}

// installerFolder is the folder in the installer of a store.
const installerFolder = "offline-snap-store/"
