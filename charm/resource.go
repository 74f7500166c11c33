package charm

import (
	"fmt"
)

// The digests of the empty file, which Charmhub gives for files that were never uploaded.
const (
	EmptySHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	EmptySHA384 = "38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da274edebfe76f65fbd51ad2f14898b95b"
)

// HasBlob reports whether r has a blob: a resource of type file has one, which may be empty, unless it was never uploaded.
func (r *ResourceItem) HasBlob() bool {
	return r.Resource.Type == ResourceFile && r.Resource.Revision > 0
}

// Validate returns an error if r is invalid. It does not read the file.
func (r *ResourceItem) Validate() error {
	if err := ValidateName(r.Charm); err != nil {
		return err
	}
	if err := ValidateID(r.CharmID); err != nil {
		return fmt.Errorf("%s: %w", r.Charm, err)
	}
	if err := ValidateResourceName(r.Resource.Name); err != nil {
		return fmt.Errorf("%s: %w", r.Charm, err)
	}
	if err := r.validate(); err != nil {
		return fmt.Errorf("%s: resource %s revision %d: %w", r.Charm, r.Resource.Name, r.Resource.Revision, err)
	}
	return nil
}

func (r *ResourceItem) validate() error {
	if err := validateRevision(r.Resource.Revision, 0); err != nil {
		return err
	}
	if err := validateFilename(r.Resource.Filename); err != nil {
		return err
	}
	if err := validateResourceTime(r.Resource.CreatedAt); err != nil {
		return fmt.Errorf("created-at: %w", err)
	}
	d := &r.Resource.Download
	if err := d.validate(); err != nil {
		return err
	}
	switch r.Resource.Type {
	case ResourceFile:
		if r.Image != nil {
			return fmt.Errorf("an image, where a file belongs")
		}
		return d.validateFile(r.HasBlob())
	case ResourceImage:
		if r.Image == nil {
			return fmt.Errorf("no image")
		}
		if d.Size != 0 || d.hashed() {
			return fmt.Errorf("a size or digest, which are those of a blob that only the server of the image can make")
		}
		return r.Image.Validate()
	}
	return fmt.Errorf("unknown type %.40q: want %s or %s", r.Resource.Type, ResourceFile, ResourceImage)
}

// validateFile returns an error if d is invalid as the file of a resource. Juju requires the SHA-384 of each.
func (d *Download) validateFile(uploaded bool) error {
	switch {
	case uploaded && (d.SHA256 == "" || d.SHA384 == ""):
		return fmt.Errorf("download: want hash-sha-256 and hash-sha-384")
	case !uploaded && d.Size > 0:
		return fmt.Errorf("download: a size, while revision 0 was never uploaded")
	case d.Size == 0 && d.SHA256 != "" && d.SHA256 != EmptySHA256, d.Size == 0 && d.SHA384 != "" && d.SHA384 != EmptySHA384:
		return fmt.Errorf("download: digests of some bytes, and a size of none")
	}
	return nil
}
