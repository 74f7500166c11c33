package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"debug/elf"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"offlinestore/assertion"
	"offlinestore/internal/assertiontest"
)

// TestRegister runs testdata/register. In addition to the files of TestScripts, each script has:
//
//	proxy.assert        the assertion of store1 at https://snaps.example.internal
//	other.assert        the assertion of https://other.example
//	bundle.b64          the registration bundle of store1
//	original.tar.gz     the original's installer, with proxy.assert; trick.tar.gz with a path out of it; empty.tar.gz without it
//	program FILE ARCH   writes a file that looks like a program
func TestRegister(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/register",
		Setup:               setupRegister,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Condition:           condition,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"admin": admin, "bundle": findBundle, "mode": checkMode, "flip": flip, "files": countFiles, "free-of-secrets": freeOfSecrets, "program": program,
		},
	})
}

func setupRegister(env *testscript.Env) error {
	if err := setup(env); err != nil {
		return err
	}
	files, err := registerFiles(env.Values[key{}].(*simulation).Stack)
	if err != nil {
		return err
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(env.WorkDir, name), text, 0o644); err != nil {
			return err
		}
	}
	env.Setenv("URL", registeredURL)
	env.Setenv("SOURCE_DATE_EPOCH", "1794819600")
	return nil
}

// registeredURL is the URL of store1.
const registeredURL = "https://snaps.example.internal"

// registerFiles returns the files from the Snap Store, which is the test root here, and the files made from them.
func registerFiles(stack *assertiontest.Stack) (map[string][]byte, error) {
	stream := func(url string) []byte {
		all := append(stack.Base(), stack.Account("operator1", "The operator", nil), stack.Store("store1", "operator1", url, nil))
		var b bytes.Buffer
		_ = assertion.EncodeAll(&b, all) // a buffer accepts all writes
		return b.Bytes()
	}
	bundle, err := json.Marshal(map[string]string{"domain": "snaps.example.internal", "private_key": "store-key-secret", "public_key": "store-key",
		"store_id": "store1", "store_assertion": string(stream(registeredURL))})
	if err != nil {
		return nil, err
	}
	good := stream(registeredURL)
	original := packed("offline-snap-store/snapd_1.snap", "hsqs", "offline-snap-store/proxy.assert", string(good))
	return map[string][]byte{
		"root.assert": stack.RootStream(), "proxy.assert": good, "other.assert": stream("https://other.example"),
		"altered.assert":  bytes.Replace(good, []byte("store: store1"), []byte("store: store9"), 1),
		"alone.assert":    stack.Store("store1", "operator1", registeredURL, nil).Raw(),
		"twice.assert":    append(append(bytes.Clone(good), '\n'), stack.Store("store2", "operator1", registeredURL, nil).Raw()...),
		"account.assert":  stack.Account("operator1", "The operator", nil).Raw(),
		"bundle.b64":      []byte(base64.StdEncoding.EncodeToString(bundle)),
		"altered.b64":     []byte(base64.StdEncoding.EncodeToString(bytes.Replace(bundle, []byte(`"store1"`), []byte(`"store2"`), 1))),
		"original.tar.gz": original, "cut.tar.gz": original[:len(original)-30],
		"trick.tar.gz": packed("offline-snap-store/proxy.assert", string(good), "offline-snap-store/../../etc/passwd", "root"),
		"twice.tar.gz": packed("offline-snap-store/proxy.assert", string(good), "./offline-snap-store/proxy.assert", string(good)),
		"empty.tar.gz": packed("offline-snap-store/install.sh", ""),
		"some.deb":     []byte("!<arch>\ndebian-binary   1"),
	}, nil
}

// packed returns a .tar.gz of names and contents.
func packed(files ...string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	t := tar.NewWriter(z)
	for i := 0; i < len(files); i += 2 {
		_ = t.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: files[i], Size: int64(len(files[i+1])), Mode: 0o644}) // a buffer accepts all writes
		_, _ = t.Write([]byte(files[i+1]))
	}
	_, _ = t.Close(), z.Close()
	return b.Bytes()
}

func program(ts *testscript.TestScript, _ bool, args []string) {
	path := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(filepath.Dir(path), 0o755))
	ts.Check(os.WriteFile(path, append(elfOf(args[1]), filepath.Base(path)...), 0o755))
}

// elfOf returns the header of a program, the only part that register reads.
func elfOf(arch string) []byte {
	machine := map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}[arch]
	h := elf.Header64{Type: uint16(elf.ET_EXEC), Machine: uint16(machine), Version: 1, Ehsize: 64}
	copy(h.Ident[:], elf.ELFMAG)
	h.Ident[elf.EI_CLASS], h.Ident[elf.EI_DATA], h.Ident[elf.EI_VERSION] = byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), 1
	var b bytes.Buffer
	_ = binary.Write(&b, binary.LittleEndian, h) // a buffer accepts all writes
	return b.Bytes()
}
