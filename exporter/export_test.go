package exporter

// PushArchitectures is for tests: the simulated store never offers a revision to an architecture that it doesn't run on.
var PushArchitectures = pushArchitectures
