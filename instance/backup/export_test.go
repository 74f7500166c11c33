package backup

// WithoutPassword is for tests.
var WithoutPassword = withoutPassword
