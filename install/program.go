package install

import (
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"offlinestore/blob"
)

// ErrArchitecture means that hosts of an architecture can't be installed.
var ErrArchitecture = errors.New("want amd64, arm64, armhf, ppc64el, riscv64 or s390x")

// ErrNotProgram means that a file is no program for Linux.
var ErrNotProgram = errors.New("no program for Linux")

// OtherHostError reports that the programs of this machine don't run on the host.
type OtherHostError struct {
	// Arch is the architecture of the host.
	Arch string
}

// Error names both machines.
func (e *OtherHostError) Error() string {
	return fmt.Sprintf("the programs here are for %s on %s, and the host needs them for linux on %s", runtime.GOOS, DebianArch(runtime.GOARCH), e.Arch)
}

// MissingProgramError reports that a program is missing at its path.
type MissingProgramError struct{ Path string }

// Error names the path.
func (e *MissingProgramError) Error() string { return "there is no " + e.Path }

// ArchitectureError reports that a program is for another architecture than the host's, or that it can't be started.
type ArchitectureError struct {
	Path, Arch string
	Type       elf.Type
	Machine    elf.Machine
}

// Error names the program and its architecture.
func (e *ArchitectureError) Error() string {
	return fmt.Sprintf("%s is not for %s: it is of type %s, for %s", e.Path, e.Arch, e.Type, e.Machine)
}

// platform is the part of an ELF header that differs between architectures.
type platform struct {
	elf.Machine
	elf.Class
	elf.Data
}

// platformOf returns the platform of an architecture, by Debian's name.
func platformOf(arch string) (platform, bool) {
	p, ok := map[string]platform{
		"amd64":   {elf.EM_X86_64, elf.ELFCLASS64, elf.ELFDATA2LSB},
		"arm64":   {elf.EM_AARCH64, elf.ELFCLASS64, elf.ELFDATA2LSB},
		"armhf":   {elf.EM_ARM, elf.ELFCLASS32, elf.ELFDATA2LSB},
		"ppc64el": {elf.EM_PPC64, elf.ELFCLASS64, elf.ELFDATA2LSB},
		"riscv64": {elf.EM_RISCV, elf.ELFCLASS64, elf.ELFDATA2LSB},
		"s390x":   {elf.EM_S390, elf.ELFCLASS64, elf.ELFDATA2MSB},
	}[arch]
	return p, ok
}

// DebianArch returns Debian's name of an architecture, which snapd uses too.
func DebianArch(goarch string) string {
	switch goarch {
	case "arm":
		return "armhf"
	case "ppc64le":
		return "ppc64el"
	case "386":
		return "i386"
	}
	return goarch
}

// Programs returns the two programs in dir for a host of the architecture arch. If dir is empty, it returns the programs of this
// machine, if they run on the host.
func Programs(dir, arch string) ([]File, error) {
	want, ok := platformOf(arch)
	if !ok {
		return nil, fmt.Errorf("%.40q: %w", arch, ErrArchitecture)
	}
	self := ""
	if dir == "" {
		if runtime.GOOS != "linux" || DebianArch(runtime.GOARCH) != arch {
			return nil, &OtherHostError{arch}
		}
		var err error
		if self, err = executable(); err != nil {
			return nil, fmt.Errorf("find this program: %w", err)
		}
		dir = filepath.Dir(self)
	}
	var out []File
	for _, name := range []string{"store-admin", "snap-store-proxy"} {
		path := filepath.Join(dir, name)
		if name == "store-admin" && self != "" {
			path = self
		}
		if err := validateProgram(path, arch, want); err != nil {
			return nil, err
		}
		out = append(out, File{Name: "bin/" + name, Mode: 0o755, Path: path})
	}
	return out, nil
}

// executable returns the file of the running program, without symbolic links.
func executable() (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(path)
}

// validateProgram finds a wrong program before it crosses the air gap.
func validateProgram(path, arch string, want platform) error {
	file, err := blob.OpenRegular(path)
	if errors.Is(err, os.ErrNotExist) {
		return &MissingProgramError{path}
	}
	if err != nil {
		return fmt.Errorf("read the program: %w", err)
	}
	defer file.Close()
	f, err := elf.NewFile(file)
	var format *elf.FormatError
	if errors.As(err, &format) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%s is %w", path, ErrNotProgram)
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	if got := (platform{f.Machine, f.Class, f.Data}); got != want || f.Type != elf.ET_EXEC && f.Type != elf.ET_DYN {
		return &ArchitectureError{path, arch, f.Type, f.Machine}
	}
	return nil
}
