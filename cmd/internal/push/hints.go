package push

import (
	"fmt"
	"syscall"

	"offlinestore/assertion"
	"offlinestore/blob"
	"offlinestore/bundle"
	"offlinestore/catalog"
	"offlinestore/cmd/internal/cli"
	"offlinestore/importer"
	"offlinestore/importer/canonical"
	"offlinestore/instance"
)

// Hints returns the rows about bundles and their contents.
func Hints() cli.Table {
	return append(conflictHints(), cli.Table{
		cli.On(cli.As[*blob.UnnamedError], cli.Failed, "the file is complete: rename it yourself, because the next run removes it"),
		cli.On(cli.All(cli.As[*importer.AssertionFileError], cli.As[*assertion.MissingError]), cli.Untrusted,
			"add what is missing to the file ('snap known --remote account account-id=ACCOUNT' prints an account), or make a bundle with 'store-admin export account-keys', which has everything"),
		cli.On(cli.All(cli.As[*importer.AssertionFileError], cli.As[*assertion.FormatError]), cli.Damaged,
			"get the file again, with 'snap known --remote' or 'store-admin export account-keys'"),
		cli.On(cli.All(cli.As[*importer.SnapsError], cli.Is(canonical.ErrNoAssertion)), cli.Untrusted,
			"give the .assert that 'snap download' wrote beside it, in the same command or folder; if it is there, one of the two is damaged or of another revision"),
		cli.On(cli.All(cli.As[*importer.SnapsError], cli.As[*canonical.LooseAssertionError]), cli.Untrusted,
			"give the .snap or .comp that 'snap download' wrote beside it, in the same command or folder; if it is there, it is damaged or of another revision"),
		cli.On(cli.All(cli.As[*importer.SnapsError], cli.Any(cli.As[*assertion.VerifyError], cli.As[*assertion.MissingError], cli.As[*bundle.MismatchError])), cli.Untrusted,
			"download it again, with 'snap download NAME'; a root for tests or staging is added with 'snap-store-proxy trust root add FILE'"),
		cli.On(cli.All(cli.As[*importer.SnapsError], cli.Is(bundle.ErrCorrupt)), cli.Damaged, "copy the file again, or download it again with 'snap download NAME'"),
		cli.OnType(cli.Untrusted, func(e *bundle.UnknownSignerError) string {
			return fmt.Sprintf("run 'store-admin key list' on the exporting host: if it shows %s, bring the file of 'store-admin key export' and run 'snap-store-proxy trust add FILE'", e.KeyID)
		}),
		cli.On(cli.Any(cli.Is(bundle.ErrGone), cli.Is(syscall.EIO), cli.Is(syscall.ENODEV), cli.Is(syscall.ENXIO), cli.Is(syscall.ENOTCONN)), cli.Failed,
			"the disk fails or was removed, which tells nothing about the bundle: connect it again, and run the same command"),
		cli.On(cli.Is(importer.ErrUnsigned), cli.Untrusted, "if you know where it comes from, give --allow-unsigned; better, export again with this store-admin, which signs"),
		cli.On(cli.Is(bundle.ErrBadSignature), cli.Untrusted, "the bundle was altered after it was signed; export it again"),
		cli.On(cli.Any(cli.As[*assertion.VerifyError], cli.As[*assertion.MissingError], cli.As[*bundle.MismatchError], cli.Is(assertion.ErrUntrustedRoot)), cli.Untrusted,
			"export it again; a root for tests or staging is added with 'snap-store-proxy trust root add FILE'"),
		cli.On(cli.Is(importer.ErrFuture), cli.Untrusted, "set this host's clock, or give --accept-time if the bundle is right"),
		cli.On(cli.All(cli.As[*importer.UnsignedError], cli.Is(bundle.ErrCorrupt)), cli.Damaged,
			"copy the file again; if it is whole where it was made, export again with this store-admin"),
		cli.On(cli.As[*importer.PipeError], cli.Damaged, "give an export of the original store-admin by the name of its file: it is read twice"),
		cli.On(cli.As[*importer.ExpectedError], cli.Gaps, "push these bundles first, or together with this one; if they are lost, 'store-admin export … --for NAME --full' leaves nothing out"),
		cli.On(cli.As[*bundle.BlobError], cli.Damaged, "bring the bundle again and push it; the blobs that were good are kept and not copied again"),
		cli.OnType(cli.Damaged, func(e *bundle.FormatError) string {
			return fmt.Sprintf("install snap-store-proxy %s or newer, or export again with the store-admin that belongs to this one", e.Version)
		}),
		cli.On(cli.Is(bundle.ErrRepacked), cli.Damaged,
			"if the bundle was packed again after store-admin wrote it, unpack it (gunzip, unzstd) and use the .tar; else copy the file again"),
		cli.OnType(cli.Failed, encryptedHint),
		cli.On(cli.As[*instance.IdentityError], cli.Failed, "restore the file from a backup; remove it only if no bundle that is encrypted to it will come"),
		cli.OnType(cli.Damaged, kindHint),
		cli.On(cli.Is(bundle.ErrNotBundle), cli.Damaged,
			"give a bundle of 'store-admin export', and copy it again if this is one"),
		cli.On(cli.Is(bundle.ErrCorrupt), cli.Damaged, "copy the file again, and check it with 'store-admin verify' before it is carried over"),
		cli.On(cli.As[*blob.CorruptError], cli.Damaged, ""),
		cli.On(cli.Is(syscall.EFBIG), cli.NoSpace, "FAT32 holds files of less than 4 GiB: use a disk with another file system (exFAT, ext4)"),
		cli.On(cli.Is(syscall.ENOSPC), cli.NoSpace, "free space in the data folder ('snap-store-proxy gc' may help) and push again"),
	}...)
}

// conflictHints returns the rows about bundles that contradict the store.
func conflictHints() cli.Table {
	return cli.Table{
		cli.OnType(cli.Untrusted, func(e *catalog.NameError) string {
			return fmt.Sprintf("if the store upstream has given the name to another publisher, add --plan --take-over %s to see what taking it over would do", e.Name)
		}),
		cli.On(cli.As[*catalog.ConflictError], cli.Untrusted,
			"find out who signed the imported revision ('snap-store-proxy history'), and which of the two is right"),
		cli.On(cli.As[*catalog.RepositoryError], cli.Untrusted,
			"a repository has images of charms, or others: export these under another name inside ('store-admin export images REF --as NAME', or resources: of the charm)"),
	}
}
