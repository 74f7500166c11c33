package main

import (
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"offlinestore/cmd/internal/cli"
	"offlinestore/install"
)

// machine is what an ELF file says of an architecture.
type machine struct {
	elf.Machine
	elf.Class
	elf.Data
}

func machineOf(arch string) (machine, bool) {
	m, ok := map[string]machine{
		"amd64":   {elf.EM_X86_64, elf.ELFCLASS64, elf.ELFDATA2LSB},
		"arm64":   {elf.EM_AARCH64, elf.ELFCLASS64, elf.ELFDATA2LSB},
		"armhf":   {elf.EM_ARM, elf.ELFCLASS32, elf.ELFDATA2LSB},
		"ppc64el": {elf.EM_PPC64, elf.ELFCLASS64, elf.ELFDATA2LSB},
		"riscv64": {elf.EM_RISCV, elf.ELFCLASS64, elf.ELFDATA2LSB},
		"s390x":   {elf.EM_S390, elf.ELFCLASS64, elf.ELFDATA2MSB},
	}[arch]
	return m, ok
}

// findPrograms are the programs for the host: this machine's own if they would run there.
func (o *registerOptions) findPrograms() ([]install.File, error) {
	want, ok := machineOf(o.arch)
	if !ok {
		return nil, cli.Usagef("--arch %.40q: want amd64, arm64, armhf, ppc64el, riscv64 or s390x", o.arch)
	}
	dir, self := o.programs, ""
	if dir == "" {
		if runtime.GOOS != "linux" || debianArch(runtime.GOARCH) != o.arch {
			return nil, &cli.Error{Code: cli.Usage, Err: fmt.Errorf("the programs here are for %s on %s, and the host needs them for linux on %s", runtime.GOOS, debianArch(runtime.GOARCH), o.arch),
				Hint: "name the folder of those with --programs DIR --arch " + o.arch}
		}
		path, err := os.Executable()
		if err != nil {
			return nil, fmt.Errorf("find this program: %w", err)
		}
		if path, err = filepath.EvalSymlinks(path); err != nil {
			return nil, fmt.Errorf("find this program: %w", err)
		}
		dir, self = filepath.Dir(path), path
	}
	var out []install.File
	for _, name := range []string{"store-admin", "snap-store-proxy"} {
		path := filepath.Join(dir, name)
		if name == "store-admin" && self != "" {
			path = self
		}
		if err := checkProgram(path, o.arch, want); err != nil {
			return nil, err
		}
		out = append(out, install.File{Name: "bin/" + name, Mode: 0o755, Path: path})
	}
	return out, nil
}

// checkProgram finds here what would be found out inside the gap.
func checkProgram(path, arch string, want machine) error {
	f, err := elf.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return &cli.Error{Code: cli.Usage, Err: fmt.Errorf("there is no %s", path), Hint: "name the folder that has both programs with --programs DIR"}
	}
	var format *elf.FormatError
	if errors.As(err, &format) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return cli.Usagef("%s is no program for Linux", path)
	}
	if err != nil {
		return fmt.Errorf("look at %s: %w", path, err)
	}
	defer f.Close()
	if got := (machine{f.Machine, f.Class, f.Data}); got != want || f.Type != elf.ET_EXEC && f.Type != elf.ET_DYN {
		return &cli.Error{Code: cli.Usage, Err: fmt.Errorf("%s is not for %s: it is of type %s, for %s", path, arch, f.Type, f.Machine),
			Hint: "name the folder of the right programs with --programs DIR, or their architecture with --arch"}
	}
	return nil
}
