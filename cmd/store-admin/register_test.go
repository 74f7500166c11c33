package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"debug/elf"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"offlinestore/assertion"
)

// TestRegister runs testdata/register. Each script has, besides what those of TestScripts have:
//
//	proxy.assert        the assertion of store1 at https://snaps.example.internal
//	other.assert        the one of https://other.example
//	bundle.b64          the registration bundle of store1
//	original.tar.gz     the original's installer, with proxy.assert; trick.tar.gz with a path out of it; empty.tar.gz without it
//	program FILE ARCH   makes what passes for a program
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
	stack := env.Values[key{}].(*simulated).Stack
	stream := func(url string) []byte {
		all := append(stack.Base(), stack.Account("operator1", "The operator", nil), stack.Store("store1", "operator1", url, nil))
		var b bytes.Buffer
		if err := assertion.EncodeAll(&b, all); err != nil {
			panic(err) // a buffer takes all
		}
		return b.Bytes()
	}
	const url = "https://snaps.example.internal"
	bundle, err := json.Marshal(map[string]string{"domain": "snaps.example.internal", "private_key": "store-key-secret", "public_key": "store-key",
		"store_id": "store1", "store_assertion": string(stream(url))})
	if err != nil {
		return err
	}
	for name, text := range map[string][]byte{
		"proxy.assert": stream(url), "other.assert": stream("https://other.example"), "bundle.b64": []byte(base64.StdEncoding.EncodeToString(bundle)),
		"altered.b64":     []byte(base64.StdEncoding.EncodeToString(bytes.Replace(bundle, []byte(`"store1"`), []byte(`"store2"`), 1))),
		"original.tar.gz": packed("offline-snap-store/snapd_1.snap", "hsqs", "offline-snap-store/proxy.assert", string(stream(url))),
		"trick.tar.gz":    packed("offline-snap-store/proxy.assert", string(stream(url)), "offline-snap-store/../../etc/passwd", "root"),
		"empty.tar.gz":    packed("offline-snap-store/install.sh", ""),
		"some.deb":        []byte("!<arch>\ndebian-binary   1"),
	} {
		if err := os.WriteFile(filepath.Join(env.WorkDir, name), text, 0o644); err != nil {
			return err
		}
	}
	env.Setenv("URL", url)
	env.Setenv("SOURCE_DATE_EPOCH", "1794819600")
	return nil
}

// packed is a .tar.gz of names and contents.
func packed(files ...string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	t := tar.NewWriter(z)
	for i := 0; i < len(files); i += 2 {
		_ = t.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: files[i], Size: int64(len(files[i+1])), Mode: 0o644}) // a buffer takes all
		_, _ = t.Write([]byte(files[i+1]))
	}
	_, _ = t.Close(), z.Close()
	return b.Bytes()
}

func program(ts *testscript.TestScript, _ bool, args []string) {
	m, ok := machineOf(args[1])
	if !ok {
		ts.Fatalf("no architecture %s", args[1])
	}
	h := elf.Header64{Type: uint16(elf.ET_EXEC), Machine: uint16(m.Machine), Version: 1, Ehsize: 64}
	copy(h.Ident[:], elf.ELFMAG)
	h.Ident[elf.EI_CLASS], h.Ident[elf.EI_DATA], h.Ident[elf.EI_VERSION] = byte(m.Class), byte(m.Data), 1
	var b bytes.Buffer
	ts.Check(binary.Write(&b, binary.LittleEndian, h))
	fmt.Fprintf(&b, "%s for %s", filepath.Base(args[0]), args[1])
	path := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(filepath.Dir(path), 0o755))
	ts.Check(os.WriteFile(path, b.Bytes(), 0o755))
}

// TestRegisterAsksForTheURL has the one hint that names the commands of the original.
func TestRegisterAsksForTheURL(t *testing.T) {
	t.Parallel()
	c := newRegister()
	c.SetArgs([]string{"--offline", "https://snaps.example.internal"})
	c.SilenceErrors, c.SilenceUsage = true, true
	err := c.ExecuteContext(t.Context())
	if err == nil || !strings.Contains(err.Error(), "only the Snap Store can sign one") {
		t.Errorf("register without a source: %v", err)
	}
}
