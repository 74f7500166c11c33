package exporter

// PushArchitectures exports pushArchitectures. The simulated store never offers a revision to an architecture that it doesn't run on.
var PushArchitectures = pushArchitectures
