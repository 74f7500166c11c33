package blob

import (
	"regexp"
	"slices"
	"strings"
)

// foreignNames are files and folders that operating systems leave on disks, besides names that begin with a dot.
var foreignNames = []string{"lost+found", "System Volume Information", "$RECYCLE.BIN", "Thumbs.db", "desktop.ini"}

// deviceName matches the names of devices on Windows, which ignores what follows a dot, and spaces before it.
var deviceName = regexp.MustCompile(`(?i)^(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³]) *(\..*)?$`)

// IsDevice reports whether Windows takes a name for a device, in every folder.
func IsDevice(name string) bool { return deviceName.MatchString(name) }

// IsForeign reports whether a file or folder belongs to the operating system, by its name. Programs pass over such names in every folder of
// a disk, and read nothing from them.
func IsForeign(name string) bool {
	return strings.HasPrefix(name, ".") || slices.ContainsFunc(foreignNames, func(n string) bool { return strings.EqualFold(n, name) })
}
