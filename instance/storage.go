package instance

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"offlinestore/blob"
	"offlinestore/blob/s3"
	"offlinestore/catalog"
	"offlinestore/instance/settings"
)

// cacheFolder keeps copies of blobs from S3. It may be lost at any time.
const cacheFolder = ".cache"

// The folders of an online store, which may be lost at any time: files from upstream, and short answers.
const (
	edgeFolder    = ".edge"
	answersFolder = ".answers"
)

// EdgeCachePath returns the folder of files from upstream.
func (d Dir) EdgeCachePath() string { return d.path(blobsFolder, edgeFolder) }

// AnswersPath returns the folder of short answers from upstream.
func (d Dir) AnswersPath() string { return d.path(blobsFolder, answersFolder) }

// StorageSettingsError reports settings without which S3 can't be used.
type StorageSettingsError struct{ Missing []string }

func (e *StorageSettingsError) Error() string {
	return "S3 is not set up: " + strings.Join(e.Missing, " and ") + " missing"
}

// openBucket returns the bucket that the settings name. It believes the authorities of the data folder, and sends no request. The error may be
// a *StorageSettingsError.
func (d Dir) openBucket(v *settings.Values) (*s3.Bucket, error) {
	var missing []string
	for _, need := range []struct{ key, value string }{
		{settings.S3ServerURL, v.S3ServerURL}, {settings.S3AccessKeyID, v.S3AccessKeyID}, {settings.S3SecretAccessKey, v.S3SecretAccessKey},
	} {
		if need.value == "" {
			missing = append(missing, need.key)
		}
	}
	if len(missing) > 0 {
		return nil, &StorageSettingsError{missing}
	}
	roots, err := d.CACerts()
	if err != nil {
		return nil, err
	}
	b, err := s3.Options{URL: v.S3ServerURL, Region: v.S3Region, PathStyle: v.S3PathStyle, AccessKey: v.S3AccessKeyID, SecretKey: v.S3SecretAccessKey,
		Bucket: v.S3Bucket, CACerts: roots}.Open()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", settings.S3ServerURL, err)
	}
	return b, nil
}

// openStorage opens the blobs of a store with these settings. files has the other files of the store, which a restore moves last. Nothing is
// asked of S3 yet.
func (d Dir) openStorage(s *settings.Settings, files Dir, o Options) (*blob.Storage, *blob.Dir, error) {
	folder, err := (blob.Options{Existing: o.Existing}).Open(d.path(blobsFolder))
	if err != nil {
		return nil, nil, err
	}
	p, err := files.places(s, folder)
	if err != nil {
		return nil, nil, err
	}
	return folder.StorageIn(p), folder, nil
}

// places returns the places of the blobs. While both a folder and S3 are set up, one of them may have blobs that were not moved yet.
func (d Dir) places(s *settings.Settings, folder *blob.Dir) (blob.Places, error) {
	v := s.Values()
	bucket, err := d.openBucket(&v)
	var unset *StorageSettingsError
	switch isS3 := v.StorageBackend == settings.BackendS3; {
	case errors.As(err, &unset) && !isS3:
		return blob.Places{Backend: folder.Backend()}, nil
	case err != nil:
		return blob.Places{}, err
	case !isS3:
		return blob.Places{Backend: folder.Backend(), Former: bucket}, nil
	}
	p := blob.Places{Backend: bucket, Former: folder.Backend()}
	if v.S3Redirect {
		p.Redirect = bucket
	}
	return p, nil
}

// ServeStorage prepares Blobs for clients, with the cache and the redirects that the settings name. A running server calls it again when the
// settings change. If it returns an error, Blobs stay as they are.
func (in *Instance) ServeStorage(s *settings.Settings) error {
	p, err := in.Dir.places(s, in.folder)
	if err != nil {
		return err
	}
	v := s.Values()
	path := in.Dir.path(blobsFolder, cacheFolder)
	if v.StorageBackend == settings.BackendS3 && v.CacheSize > 0 {
		dir, err := blob.Open(path)
		if err != nil {
			return err
		}
		if p.Cache, err = blob.NewCache(dir, v.CacheSize); err != nil {
			return errors.Join(err, p.Cache.Close())
		}
	}
	if old := in.Blobs.SetPlaces(p); old.Cache != nil {
		err = old.Cache.Close()
	}
	if p.Cache == nil {
		err = errors.Join(err, os.RemoveAll(path))
	}
	return err
}

// followStorage takes up settings of the storage that another command has changed since this one began.
func (in *Instance) followStorage() error {
	s, err := in.Dir.Settings()
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(settings.Changed(in.Settings, s), settings.Key.IsStorage) {
		return nil
	}
	p, err := in.Dir.places(s, in.folder)
	if err != nil {
		return err
	}
	in.Settings = s
	in.Blobs.SetPlaces(p)
	return nil
}

// StorageName describes the place of the blobs.
func (in *Instance) StorageName() string {
	v := in.Settings.Values()
	if v.StorageBackend != settings.BackendS3 {
		return "folder " + in.Dir.path(blobsFolder)
	}
	return fmt.Sprintf("bucket %s at %s", v.S3Bucket, v.S3ServerURL)
}

// CleanStaging removes the remains of killed pushes from which no other push can go on.
func (in *Instance) CleanStaging(ctx context.Context) error {
	return in.Blobs.CleanStaging(ctx, time.Now().Add(-garbageAge))
}

// questionsAtOnce is the number of blobs that the storage is asked about at once.
const questionsAtOnce = 16

// heldBy returns the blobs that a storage has. The result has their order.
func heldBy(ctx context.Context, s *blob.Storage, blobs []catalog.Blob) ([]catalog.Blob, error) {
	has := make([]bool, len(blobs))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(questionsAtOnce)
	for i, b := range blobs {
		group.Go(func() (err error) {
			has[i], err = s.Has(ctx, b.Digest, b.Size)
			return err
		})
	}
	err := group.Wait()
	var list []catalog.Blob
	for i, b := range blobs {
		if has[i] {
			list = append(list, b)
		}
	}
	return list, err
}

// countMissing counts the blobs that the storage lacks.
func (in *Instance) countMissing(ctx context.Context, blobs []catalog.Blob) (int, error) {
	held, err := heldBy(ctx, in.Blobs, blobs)
	if err != nil {
		return 0, err
	}
	return len(blobs) - len(held), nil
}

// scrubCache removes the damaged copies of blobs from S3.
func (in *Instance) scrubCache(ctx context.Context) error {
	dir, err := blob.Options{Existing: true}.Open(in.Dir.path(blobsFolder, cacheFolder))
	if err != nil {
		return err
	}
	return dir.List(func(i blob.Info) error {
		err := dir.VerifyBlob(ctx, i.Digest)
		var corrupt *blob.CorruptError
		if errors.As(err, &corrupt) {
			err = dir.Remove(i.Digest)
		}
		if errors.Is(err, blob.ErrNotFound) {
			return nil // the server has made room
		}
		return err
	})
}
