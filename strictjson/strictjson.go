// Package strictjson decodes JSON that is signed. Two programs must not read two documents under one signature, so it refuses all
// that a decoder could read in another way: repeated names, other spellings of a name, invalid UTF-8, null in the place of a value,
// and a required field that is not there. It passes over unknown fields in any spelling.
package strictjson

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// MaxDepth is the largest number of arrays and objects around a value.
const MaxDepth = 64

// Required are the paths of fields that must be there: "channel-map[].revision" is the field revision of each object in the list
// channel-map. The field is required only where the object around it is there.
type Required []string

// Decode decodes one value, which nothing follows, into v, a pointer to a struct. The types of Go bind the fields: an integer is in
// plain decimal. Null is for pointers, slices and maps: fields without an option such as omitempty, values of maps, and pointers in lists.
func Decode(raw []byte, v any, required Required) error {
	w := walker{Decoder: jsontext.NewDecoder(bytes.NewReader(raw)), required: required.tree()}
	if err := w.value(reflect.TypeOf(v).Elem(), false, w.required); err != nil {
		return err
	}
	if _, err := w.ReadToken(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the JSON value")
	}
	return json.Unmarshal(raw, v)
}

// walker reads a text from its beginning to its end, along the types of Go.
type walker struct {
	*jsontext.Decoder
	required *node
	path     []string
}

// value reads a value of type t, or one that is not known if t is nil.
func (w *walker) value(t reflect.Type, nullable bool, required *node) error {
	if w.StackDepth() > MaxDepth {
		return fmt.Errorf("nested deeper than %d", MaxDepth)
	}
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	kind := w.PeekKind()
	if kind == jsontext.KindNull && t != nil && !nullable && t != anything {
		return w.errorf("null, want %s", want(t))
	}
	if t == anything || kind == jsontext.KindNull {
		t = nil
	}
	if t != nil && kind != kindOf(t) && kind != jsontext.KindInvalid && !(kind == jsontext.KindFalse && kindOf(t) == jsontext.KindTrue) {
		return w.errorf("%s, want %s", kind, want(t))
	}
	tok, err := w.ReadToken()
	switch {
	case err != nil:
		return err
	case kind == jsontext.KindBeginObject:
		return w.object(t, required)
	case kind == jsontext.KindBeginArray:
		return w.array(t, required)
	case kind == jsontext.KindNumber && t != nil && isInteger(t.Kind()) && !isDecimal(tok.String()):
		return w.errorf("%.40s, want an integer in plain decimal", tok.String())
	}
	return nil
}

// object reads the rest of an object.
func (w *walker) object(t reflect.Type, required *node) error {
	seen := 0
	for w.PeekKind() != jsontext.KindEndObject {
		tok, err := w.ReadToken()
		if err != nil {
			return err
		}
		name := tok.String()
		field, nullable := member(t, name)
		next := required.at(name)
		if next != nil && next.required {
			seen++
		}
		w.path = append(w.path, name)
		if err := w.value(field, nullable, next); err != nil {
			return err
		}
		w.path = w.path[:len(w.path)-1]
	}
	if _, err := w.ReadToken(); err != nil {
		return err
	}
	if seen < required.count() {
		return w.errorf("it lacks one of %s", required.names())
	}
	return nil
}

// array reads the rest of an array.
func (w *walker) array(t reflect.Type, required *node) error {
	var elem reflect.Type
	if t != nil {
		elem = t.Elem()
	}
	next := required.at(elements)
	w.path = append(w.path, elements)
	for w.PeekKind() != jsontext.KindEndArray {
		if err := w.value(elem, elem != nil && elem.Kind() == reflect.Pointer, next); err != nil {
			return err
		}
	}
	w.path = w.path[:len(w.path)-1]
	_, err := w.ReadToken()
	return err
}
