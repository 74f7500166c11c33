package bundle

// ConfigFields are the required fields of the configs.
var ConfigFields = configFields

// AssertionConfig is the config of an assertion.
type AssertionConfig = assertionConfig
