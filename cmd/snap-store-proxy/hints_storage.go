package main

import (
	"offlinestore/blob"
	"offlinestore/blob/s3"
	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
)

// storageHints returns the rows about S3.
func storageHints() cli.Table {
	return cli.Table{
		cli.On(cli.As[*instance.StorageSettingsError], cli.Failed, "set them with 'snap-store-proxy config', or go back to the folder with 'snap-store-proxy config proxy.storage.backend=local'"),
		cli.On(cli.As[*instance.UnmovedError], cli.Damaged, "run 'snap-store-proxy check --blobs', which takes them out of service, push their bundles again, then run this again: it goes on where it stopped"),
		cli.On(cli.Is(s3.ErrNoBucket), cli.Database, "check proxy.storage.s3.scanned-container-name; the next push makes a missing bucket"),
		cli.On(cli.Is(blob.ErrIntact), cli.Damaged, "nothing was moved: look for the fault between this host and S3, then run the same command again"),
		cli.On(cli.As[*blob.UnavailableError], cli.Database, "check that S3 runs and that the settings proxy.storage.s3.… are right, then run the same command again: it goes on where it stopped"),
	}
}
