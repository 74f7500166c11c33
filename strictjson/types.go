package strictjson

import (
	"encoding"
	stdjson "encoding/json"
	"reflect"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
)

var (
	// anything is the type of a value of any form.
	anything = reflect.TypeFor[stdjson.RawMessage]()
	asText   = reflect.TypeFor[encoding.TextUnmarshaler]()
	asBytes  = reflect.TypeFor[[]byte]() // in base64
)

// kindOf returns the kind of JSON in which a Go value is written. A boolean is true.
func kindOf(t reflect.Type) jsontext.Kind {
	switch {
	case reflect.PointerTo(t).Implements(asText), t.Kind() == reflect.String, t == asBytes:
		return jsontext.KindString
	case t.Kind() == reflect.Struct, t.Kind() == reflect.Map:
		return jsontext.KindBeginObject
	case t.Kind() == reflect.Slice:
		return jsontext.KindBeginArray
	case t.Kind() == reflect.Bool:
		return jsontext.KindTrue
	}
	return jsontext.KindNumber
}

// want names the kind of JSON that a Go value needs.
func want(t reflect.Type) string {
	switch kindOf(t) {
	case jsontext.KindString:
		return "a string"
	case jsontext.KindBeginObject:
		return "an object"
	case jsontext.KindBeginArray:
		return "a list"
	case jsontext.KindTrue:
		return "true or false"
	}
	return "a number"
}

func isInteger(k reflect.Kind) bool { return k >= reflect.Int && k <= reflect.Uint64 }

// isDecimal reports whether a JSON number has neither a fraction nor an exponent. JSON itself excludes leading zeros.
func isDecimal(s string) bool { return !strings.ContainsAny(s, ".eE") && s != "-0" }

// field is a field of a struct.
type field struct {
	reflect.Type
	nullable bool
}

// structs caches the fields of each struct by their names in JSON.
var structs sync.Map // of reflect.Type to map[string]field

// member returns the type of a member of an object, or nil if it is unknown, and whether it may be null.
func member(t reflect.Type, name string) (reflect.Type, bool) {
	switch {
	case t == nil:
		return nil, true
	case t.Kind() == reflect.Map:
		return t.Elem(), isNilable(t.Elem().Kind())
	}
	f := fieldsOf(t)[name]
	return f.Type, f.nullable
}

func fieldsOf(t reflect.Type) map[string]field {
	if known, ok := structs.Load(t); ok {
		return known.(map[string]field)
	}
	fields := make(map[string]field)
	for _, f := range reflect.VisibleFields(t) {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		fields[name] = field{f.Type, isNilable(f.Type.Kind()) && options == ""}
	}
	structs.Store(t, fields)
	return fields
}

func isNilable(k reflect.Kind) bool {
	return k == reflect.Pointer || k == reflect.Slice || k == reflect.Map
}
