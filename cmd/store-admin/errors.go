package main

import (
	"errors"
	"fmt"
	"syscall"

	"offlinestore/cmd/internal/cli"
	"offlinestore/exporter"
	"offlinestore/wanted"
)

// errOutdated means that a lock does not belong to its wanted.yaml any more.
var errOutdated = errors.New("the lock is out of date")

// errNotInCache means that a blob which a site wants has left the cache.
var errNotInCache = errors.New("the cache does not have all blobs of that bundle any more")

// charmListError reports a file that lists no charms.
type charmListError struct{ err error }

func (e *charmListError) Error() string { return e.err.Error() }

func (e *charmListError) Unwrap() error { return e.err }

// packageListError reports a file that lists no snaps.
type packageListError struct {
	path string
	err  error
}

func (e *packageListError) Error() string { return fmt.Sprintf("--from-yaml %s: %v", e.path, e.err) }

func (e *packageListError) Unwrap() error { return e.err }

// modelFileError reports a file that holds no model.
type modelFileError struct {
	path string
	err  error
}

func (e *modelFileError) Error() string { return fmt.Sprintf("%s: %v", e.path, e.err) }

func (e *modelFileError) Unwrap() error { return e.err }

// passwordError reports that no password could be asked for.
type passwordError struct{ err error }

func (e *passwordError) Error() string { return e.err.Error() }

func (e *passwordError) Unwrap() error { return e.err }

// inputHints returns the rows about input files, passwords and the file system of the target.
func inputHints() cli.Table {
	return cli.Table{
		cli.On(cli.As[*wanted.FileError], cli.Usage, "docs/wanted.md describes the file, and docs/wanted.schema.json is its schema for editors"),
		cli.On(cli.Is(errOutdated), cli.Failed, "'store-admin lock' writes a new one; 'store-admin diff' shows what has changed"),
		cli.On(cli.Is(wanted.ErrLock), cli.Damaged, "get the file from version control again, or write another one with 'store-admin lock'"),
		cli.On(cli.As[*exporter.LockedError], cli.Gaps, "lock again with 'store-admin lock', or export where the cache still has it: the host that wrote the lock, with --cache-dir"),
		cli.On(cli.As[*charmListError], cli.Usage, "the file lists charms under applications: see 'store-admin export charms --help'"),
		cli.On(cli.As[*modelFileError], cli.Usage, "the file holds the signed model assertion, as 'snap sign' prints it"),
		cli.On(cli.As[*packageListError], cli.Usage, "the file may hold packages: [{name, revision, push_channel}]; a list of charms is for 'store-admin export charms'"),
		cli.On(cli.As[*passwordError], cli.Failed, "give the password on standard input with --password-stdin"),
		cli.On(cli.Is(syscall.EFBIG), cli.NoSpace, "FAT32 holds files of less than 4 GiB: give --part-size 4GB, export fewer snaps or channels at once, or use a disk with another file system (exFAT, ext4)"),
	}
}
