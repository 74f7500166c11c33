package blob

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// cacheWindow is the part of a file whose cached pages are counted at once, in bytes.
const cacheWindow = 256 << 20

// Drop writes a file to its disk if anything of it is not there yet, removes it from the page cache, and counts the pages that stay. Pages stay
// if the file system is in memory, or if another process maps the file.
func (m *Medium) Drop(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return &NotRegularError{f.Name(), info.Mode()}
	}
	// A dirty page cannot be dropped. Not every file system lets a reader sync, and then the pages that stay tell of it.
	if err := f.Sync(); err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.EROFS) && !errors.Is(err, unix.EBADF) {
		return err
	}
	dropCache(f)
	m.Files++
	m.Bytes += info.Size()
	if !tellsResidence(f, info) {
		m.Unknown++
		return nil
	}
	n, err := cachedBytes(f, info.Size())
	if errors.Is(err, unix.ENODEV) { // the file system maps no files
		m.Unknown++
		return nil
	}
	m.Cached += n
	return err
}

// tellsResidence reports whether the kernel tells this process which pages of a file are in memory. It does so for the owner, for root and for
// who may write to the file. All pages look cached to others.
func tellsResidence(f *os.File, info os.FileInfo) bool {
	uid := unix.Geteuid()
	if st, ok := info.Sys().(*syscall.Stat_t); uid == 0 || ok && int64(st.Uid) == int64(uid) {
		return true
	}
	return unix.Access(fmt.Sprintf("/proc/self/fd/%d", f.Fd()), unix.W_OK) == nil
}

// cachedBytes counts the bytes of a file's pages that are in memory.
func cachedBytes(f *os.File, size int64) (n int64, err error) {
	page := int64(os.Getpagesize())
	for off := int64(0); off < size; off += cacheWindow {
		length := min(size-off, cacheWindow)
		mem, err := unix.Mmap(int(f.Fd()), off, int(length), unix.PROT_NONE, unix.MAP_SHARED)
		if err != nil {
			return n, &os.PathError{Op: "mmap", Path: f.Name(), Err: err}
		}
		pages := make([]byte, (length+page-1)/page)
		_, _, errno := unix.Syscall(unix.SYS_MINCORE, uintptr(unsafe.Pointer(&mem[0])), uintptr(length), uintptr(unsafe.Pointer(&pages[0])))
		if err := unix.Munmap(mem); err != nil {
			return n, &os.PathError{Op: "munmap", Path: f.Name(), Err: err}
		}
		if errno != 0 {
			return n, &os.PathError{Op: "mincore", Path: f.Name(), Err: errno}
		}
		for _, p := range pages {
			if p&1 != 0 {
				n += page
			}
		}
	}
	return min(n, size), nil
}
