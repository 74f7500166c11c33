package registry

// ParseReference exports parseReference for a fuzz test.
func ParseReference(s string) (repository, tag, digest string, err error) {
	ref, err := parseReference(s)
	return ref.repository, ref.tag, ref.digest.String(), err
}
