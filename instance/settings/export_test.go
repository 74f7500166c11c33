package settings

// Parse and Encode are fuzzed without a file in between.
var (
	Parse  = parse
	Encode = encode
)

// Redact exports Key.redact for a fuzz test, without a file in between.
func Redact(name, value string) string { return key(name).redact(value) }

func Validate(name, value string) error { return key(name).validate(value) }

func key(name string) Key {
	k, err := Lookup(name)
	if err != nil {
		panic(err)
	}
	return k
}
