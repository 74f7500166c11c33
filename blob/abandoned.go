package blob

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// tempName matches the names of unfinished files. They are in folders of the user's, in which other programs have files, too.
var tempName = regexp.MustCompile(`^\..+\.offlinestore-[0-9]+\.partial$`)

// RemoveAbandoned removes the unfinished files that killed processes have left in a folder. A living process holds the lock of its
// files. What cannot be removed only takes space. A run calls it once for a folder, before it writes there: a complete file without its
// name ([UnnamedError]) is then left for the user.
func RemoveAbandoned(dir string) {
	entries, _ := os.ReadDir(dir) // a folder that cannot be read may still be written to
	for _, e := range entries {
		if e.Type().IsRegular() && tempName.MatchString(e.Name()) {
			removeIfAbandoned(filepath.Join(dir, e.Name()))
		}
	}
}

func removeIfAbandoned(path string) {
	f, err := openNoFollow(path, os.O_RDWR)
	if err != nil {
		return
	}
	if ok, err := lockNamed(f); ok && err == nil {
		removeOpen(f)
		return
	}
	f.Close()
}

// maxBase leaves space for the rest of a temporary name. Names end at 255 bytes.
const maxBase = 255 - len("..offlinestore-18446744073709551615.partial")

func tempNameOf(base string) string {
	base = strings.ToValidUTF8(base[:min(len(base), maxBase)], "")
	return fmt.Sprintf(".%s.offlinestore-%d.partial", base, rand.Uint64())
}

// lockTemp makes and locks an unfinished file. Between the two, another process may take it for an abandoned one.
func lockTemp(path string, mode fs.FileMode) (*os.File, error) {
	for {
		name := tempNameOf(filepath.Base(path))
		f, err := createFile(filepath.Join(filepath.Dir(path), name), mode)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		ok, err := lockNamed(f)
		if ok || err != nil {
			return f, nil // without locks, nobody can take it for abandoned either
		}
		f.Close()
	}
}
