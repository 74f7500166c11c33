// Package mutate changes values one part at a time, for tests that require that every part counts.
package mutate

import (
	"fmt"
	"reflect"
	"strings"
)

// Fill sets each empty part of the struct that p points to: strings, numbers, the first element of slices and maps, and pointers.
func Fill(p any) { fill(reflect.ValueOf(p).Elem()) }

func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i))
		}
	case reflect.Pointer:
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		fill(v.Elem())
	case reflect.Slice:
		if v.Len() == 0 && v.Type().Elem().Kind() != reflect.Uint8 {
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		}
		for i := range v.Len() {
			fill(v.Index(i))
		}
	case reflect.Map:
		if v.Len() == 0 {
			e := reflect.New(v.Type().Elem()).Elem()
			fill(e)
			v.Set(reflect.MakeMap(v.Type()))
			v.SetMapIndex(reflect.ValueOf("key").Convert(v.Type().Key()), e)
		}
	case reflect.String:
		if v.String() == "" {
			v.SetString("filled")
		}
	case reflect.Int, reflect.Int64, reflect.Uint32:
		if v.IsZero() {
			v.Set(reflect.ValueOf(7).Convert(v.Type()))
		}
	}
}

// Each changes each part of the struct that p points to, calls yield with the path of the part, and restores it unless yield returns true.
// A path is made of the names of the members of the JSON. Maps and raw JSON are changed as a whole.
func Each(p any, yield func(path string) (keep bool)) { each(reflect.ValueOf(p).Elem(), "", yield) }

func each(v reflect.Value, path string, yield func(string) bool) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Type().Field(i)
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if name == "-" {
				continue // not in the JSON
			}
			if name == "" {
				name = f.Name
			}
			each(v.Field(i), path+"/"+name, yield)
		}
	case reflect.Pointer:
		if !v.IsNil() {
			each(v.Elem(), path, yield)
		}
	case reflect.Slice:
		for i := range v.Len() {
			each(v.Index(i), fmt.Sprintf("%s/%d", path, i), yield)
		}
		change(v, reflect.Zero(v.Type()), path, yield)
	case reflect.Map:
		change(v, reflect.Zero(v.Type()), path, yield)
	case reflect.String:
		change(v, reflect.ValueOf(v.String()+"x").Convert(v.Type()), path, yield)
	case reflect.Bool:
		change(v, reflect.ValueOf(!v.Bool()), path, yield)
	case reflect.Int, reflect.Int64:
		change(v, reflect.ValueOf(v.Int()+1).Convert(v.Type()), path, yield)
	case reflect.Uint32:
		change(v, reflect.ValueOf(v.Uint()+1).Convert(v.Type()), path, yield)
	}
}

func change(v, to reflect.Value, path string, yield func(string) bool) {
	if v.Kind() == reflect.Slice && v.Len() == 0 {
		return
	}
	old := reflect.ValueOf(v.Interface())
	v.Set(to)
	if !yield(path) {
		v.Set(old)
	}
}
