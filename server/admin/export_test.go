package admin

// Address returns the key by which the logins of a client are limited.
var Address = address
