package pgcluster

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
)

const socketName = "/.s.PGSQL.5432"

// postgresqlConf replaces the file that initdb writes. A store is a small database. It must never lose a change that it
// acknowledged, and it should leave the memory to the page cache, from which downloads are served.
const postgresqlConf = `# Written by the store at every start of this cluster.
# Settings of your own belong into the file local.conf in the folder above, which counts last.
listen_addresses = ''
port = 5432
unix_socket_directories = '../run'
unix_socket_permissions = 0700
max_connections = 200
superuser_reserved_connections = 3

fsync = on
synchronous_commit = on
full_page_writes = on

shared_buffers = 32MB
max_wal_size = 256MB
min_wal_size = 32MB
jit = off
max_parallel_workers_per_gather = 0
# A process less to start and to stop.
max_logical_replication_workers = 0
# systemd's RemoveIPC takes POSIX shared memory from under a user's processes when the user logs out.
dynamic_shared_memory_type = mmap

datestyle = 'iso, ymd'
timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C'
default_text_search_config = 'pg_catalog.simple'

# Seven files, each emptied when its day of the week comes round again. Statements are not logged.
logging_collector = on
log_directory = '../log'
log_filename = 'postgres-%a.log'
log_rotation_age = 1d
log_rotation_size = 0
log_truncate_on_rotation = on
log_min_messages = warning
log_min_error_statement = panic
log_checkpoints = off
log_line_prefix = '%m [%p] %q%u@%d '

include_if_exists = '../local.conf'
`

// pgHBAConf allows every process that can open the socket to log in as any role. Only the owner of the folder and root can, because
// the socket's folder is closed to others. A check of the peer's name would add nothing, because all our processes run as the
// owner. The roles only keep the server from writing by mistake.
const pgHBAConf = `# Written by the store at every start of this cluster.
local all         all trust
local replication all trust
`

// configure writes the configuration at every start. That costs nothing, and keeps a new version of this program from running with
// an old configuration.
func (c *Cluster) configure() error {
	for name, text := range map[string]string{"postgresql.conf": postgresqlConf, "pg_hba.conf": pgHBAConf} {
		if err := c.folder.replace(filepath.Join(dataDir, name), []byte(text)); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	return nil
}

// replace makes text the content of a file. It syncs nothing, since the next start replaces the remains of a power cut.
func (f *folder) replace(name string, text []byte) error {
	if old, err := f.root.ReadFile(name); err == nil && bytes.Equal(old, text) {
		return nil
	}
	tmp := name + ".new"
	if err := f.root.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	file, err := f.create(tmp)
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	return f.root.Rename(tmp, name)
}
