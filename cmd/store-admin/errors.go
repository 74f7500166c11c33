package main

import (
	"fmt"
	"syscall"

	"offlinestore/cmd/internal/cli"
)

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
		cli.On(cli.As[*charmListError], cli.Usage, "the file lists charms under applications: see 'store-admin export charms --help'"),
		cli.On(cli.As[*modelFileError], cli.Usage, "the file holds the signed model assertion, as 'snap sign' prints it"),
		cli.On(cli.As[*packageListError], cli.Usage, "the file may hold packages: [{name, revision, push_channel}]; a list of charms is for 'store-admin export charms'"),
		cli.On(cli.As[*passwordError], cli.Failed, "give the password on standard input with --password-stdin"),
		cli.On(cli.Is(syscall.EFBIG), cli.NoSpace, "FAT32 holds files of less than 4 GiB: export fewer snaps or channels at once, or use a disk with another file system (exFAT, ext4)"),
	}
}
