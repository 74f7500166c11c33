package settings

import (
	"errors"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// maxMegabytes is a petabyte.
const maxMegabytes = 1 << 30

// validBucket accepts the names that S3 accepts, but for rules about dots that its server applies.
var validBucket = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`) })

// validateOrigin refuses a path in a URL that is valid.
func validateOrigin(v string) error {
	if u, err := url.Parse(v); err != nil || strings.Trim(u.Path, "/") != "" {
		return errors.New("has a path, which S3 gives to its buckets")
	}
	return nil
}

// validateStorage validates the kinds about the storage of blobs.
func (k Kind) validateStorage(v string) error {
	switch k {
	case KindBackend:
		if v != BackendLocal && v != BackendS3 {
			return errors.New("not local or s3")
		}
	case KindBucket:
		if !validBucket().MatchString(v) {
			return errors.New("not the name of a bucket: 3 to 63 lower-case letters, digits, hyphens and dots make one")
		}
	case KindMegabytes:
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil || n < 0 || n > maxMegabytes {
			return errors.New("not a number of megabytes")
		}
	}
	return nil
}
