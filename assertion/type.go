package assertion

// Series is the only existing series of snaps.
const Series = "16"

// defaultProvenance is the provenance of snaps uploaded to the store. A delegated authority signs other ones.
const defaultProvenance = "global-upload"

// authority determines which accounts may sign assertions of a type.
type authority int

const (
	anyAuthority       authority = iota // any account, for itself
	trustedAuthority                    // the store: an account of the trusted roots
	delegatedAuthority                  // the store, or an account that the snap-declaration names for the provenance
	brandAuthority                      // the account in brand-id
	accountAuthority                    // the account in account-id
	serialAuthority                     // the brand, or an account that the model names
	gatingAuthority                     // the publisher of the snap that controls the refreshes of another
)

// Type describes a type of assertions. It must not be modified.
type Type struct {
	Name string
	// PrimaryKey names the headers that identify an assertion of the type, in order.
	PrimaryKey []string
	// Optional holds the default values of the headers at the end of PrimaryKey that may be left out.
	Optional map[string]string
	// Sequence is true if the last header of PrimaryKey counts the assertions that share the others.
	Sequence bool
	// NoAuthority is true if the assertion is signed by a device's own key and speaks for no account.
	NoAuthority bool

	authority authority
	// modelled is true if all the type's rules are verified here. Other assertions are carried and served, with their signature
	// verified.
	modelled bool
	// maxFormat is the newest format whose rules are known, for a modelled type. It is -1 if newer formats change no rule that is
	// verified here.
	maxFormat int
}

var provenance = map[string]string{"provenance": defaultProvenance}

// types is read only.
var types = map[string]Type{
	"account":          {PrimaryKey: []string{"account-id"}, authority: trustedAuthority, modelled: true},
	"account-key":      {PrimaryKey: []string{"public-key-sha3-384"}, authority: trustedAuthority, modelled: true, maxFormat: 1},
	"snap-declaration": {PrimaryKey: []string{"series", "snap-id"}, authority: trustedAuthority, modelled: true, maxFormat: -1},
	"snap-revision":    {PrimaryKey: []string{"snap-sha3-384", "provenance"}, Optional: provenance, authority: delegatedAuthority, modelled: true},
	"snap-resource-revision": {PrimaryKey: []string{"snap-id", "resource-name", "resource-sha3-384", "provenance"},
		Optional: provenance, authority: delegatedAuthority, modelled: true},
	"snap-resource-pair": {PrimaryKey: []string{"snap-id", "resource-name", "resource-revision", "snap-revision", "provenance"},
		Optional: provenance, authority: delegatedAuthority, modelled: true},
	"store":          {PrimaryKey: []string{"store"}, authority: trustedAuthority, modelled: true},
	"model":          {PrimaryKey: []string{"series", "brand-id", "model"}, authority: brandAuthority, modelled: true},
	"serial":         {PrimaryKey: []string{"brand-id", "model", "serial"}, authority: serialAuthority, modelled: true},
	"validation-set": {PrimaryKey: []string{"series", "account-id", "name", "sequence"}, Sequence: true, authority: accountAuthority, modelled: true},

	"validation": {PrimaryKey: []string{"series", "snap-id", "approved-snap-id", "approved-snap-revision"}, authority: gatingAuthority, modelled: true},

	"device-session-request": {PrimaryKey: []string{"brand-id", "model", "serial"}, NoAuthority: true, modelled: true},
	"serial-request":         {NoAuthority: true, modelled: true}, // has no identity

	"account-key-request": {PrimaryKey: []string{"public-key-sha3-384"}, NoAuthority: true},
	"base-declaration":    {PrimaryKey: []string{"series"}, authority: trustedAuthority},
	"cluster":             {PrimaryKey: []string{"cluster-id", "sequence"}, Sequence: true},
	"confdb-control":      {PrimaryKey: []string{"brand-id", "model", "serial"}, NoAuthority: true},
	"confdb-schema":       {PrimaryKey: []string{"account-id", "name"}, authority: accountAuthority},
	"hardware-identity":   {PrimaryKey: []string{"issuer-id", "hardware-id-key-sha3-384"}},
	"preseed":             {PrimaryKey: []string{"series", "brand-id", "model", "system-label"}},
	"repair":              {PrimaryKey: []string{"brand-id", "repair-id"}, Sequence: true, authority: brandAuthority},
	"request-message":     {PrimaryKey: []string{"account-id", "message-id"}, authority: accountAuthority},
	"response-message":    {PrimaryKey: []string{"account-id", "message-id", "device"}, NoAuthority: true},
	"snap-build":          {PrimaryKey: []string{"snap-sha3-384"}},
	"snap-developer":      {PrimaryKey: []string{"snap-id", "publisher-id"}},
	"system-user":         {PrimaryKey: []string{"brand-id", "email"}},
}

// TypeByName returns the description of a type. It returns false for an unknown type. Its assertions can be decoded, but not
// identified, verified or stored.
func TypeByName(name string) (Type, bool) {
	t, ok := types[name]
	t.Name = name
	return t, ok
}
