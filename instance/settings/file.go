package settings

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"offlinestore/blob"

	"go.yaml.in/yaml/v3"
)

// maxFile is the largest file of settings, in bytes.
const maxFile = 1 << 20

const header = "# The settings of this store. `snap-store-proxy config KEY=VALUE` changes them.\n"

func readFile(path string) (map[string]string, error) {
	name := filepath.Base(path)
	text, err := blob.ReadFile(path, maxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return map[string]string{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	values, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return values, nil
}

// parse reads the YAML nodes: they know their lines, and keep each value as it was written.
func parse(text []byte) (map[string]string, error) {
	values := map[string]string{}
	root, err := document(text)
	if err != nil || root == nil {
		return values, err
	}
	for i := 0; i+1 < len(root.Content); i += 2 {
		if err := parsePair(values, root.Content[i], root.Content[i+1]); err != nil {
			return nil, fmt.Errorf("line %d: %w", root.Content[i].Line, err)
		}
	}
	return values, nil
}

func parsePair(values map[string]string, name, value *yaml.Node) error {
	if name.Kind != yaml.ScalarNode || value.Kind != yaml.ScalarNode {
		return fmt.Errorf("not a line like %s: VALUE", Domain)
	}
	k, err := Lookup(name.Value)
	if err != nil {
		return err
	}
	if _, ok := values[k.Name]; ok {
		return fmt.Errorf("%s is set a second time", k.Name)
	}
	switch {
	case value.ShortTag() == "!!null", plain(value) && value.Value == "":
		return nil
	case !plain(value):
		return &ValueError{k.Name, errors.New("not a plain value")}
	}
	if err := k.validate(value.Value); err != nil {
		return err
	}
	values[k.Name] = k.canonical(value.Value)
	return nil
}

func encode(values map[string]string) ([]byte, error) {
	if len(values) == 0 {
		return []byte(header), nil
	}
	text, err := yaml.Marshal(values)
	if err != nil {
		return nil, err
	}
	return append([]byte(header), text...), nil
}

// lockFile waits for other processes that are changing the settings. The lock is a file of its own, since each change replaces the
// file of the settings. It ends if the file is closed or the process ends.
func lockFile(path string) (*os.File, error) {
	path += ".lock"
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		err = giveToFolderOwner(f)
	} else if errors.Is(err, fs.ErrExist) {
		f, err = os.OpenFile(path, os.O_RDWR|noFollow, 0)
	}
	if err == nil {
		err = flock(f)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("lock the settings: %w", err)
	}
	return f, nil
}

// writeFile replaces the file by a whole new one. If anything fails, the old one stays.
func writeFile(path string, values map[string]string) error {
	text, err := encode(values)
	if err != nil {
		return fmt.Errorf("encode settings: %w", err)
	}
	if len(text) > maxFile {
		return fmt.Errorf("save settings: larger than %d bytes in all", maxFile)
	}
	// CreateTemp makes a file of mode 0600, as secrets need.
	tmp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+newSuffix)
	if err != nil {
		return fmt.Errorf("save settings: %w", err)
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(text)
	err = errors.Join(err, giveToFolderOwner(tmp), tmp.Sync())
	if err = errors.Join(err, tmp.Close()); err != nil {
		return fmt.Errorf("save settings: %w", err)
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return fmt.Errorf("save settings: %w", err)
	}
	if err := blob.SyncDir(filepath.Dir(path)); err != nil {
		return fmt.Errorf("save settings: %w", err)
	}
	return nil
}

// newSuffix follows the name of the settings in the name of a file that is being written.
const newSuffix = ".new-"

// removeUnfinished removes the files of killed processes: they hold secrets that may have been changed since. The caller holds the
// lock, so nobody is writing.
func removeUnfinished(path string) {
	entries, _ := os.ReadDir(filepath.Dir(path)) // an unreadable folder gets no new file either
	for _, e := range entries {
		if e.Type().IsRegular() && strings.HasPrefix(e.Name(), filepath.Base(path)+newSuffix) {
			os.Remove(filepath.Join(filepath.Dir(path), e.Name()))
		}
	}
}
