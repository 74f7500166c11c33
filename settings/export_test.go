package settings

// Parse and Encode are fuzzed without a file in between.
var (
	Parse  = parse
	Encode = encode
)
