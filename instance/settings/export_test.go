package settings

// Parse and Encode are fuzzed without a file in between.
var (
	Parse  = parse
	Encode = encode
)

func Validate(name, value string) error { return key(name).validate(value) }

func key(name string) Key {
	k, err := Lookup(name)
	if err != nil {
		panic(err)
	}
	return k
}
