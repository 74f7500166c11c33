package server

import (
	"iter"
	"maps"
)

// layer has entries by key: the ones that a view of the catalogue adds to the layer below it, which is for everybody.
type layer[V any] struct {
	own   map[string]V
	below *layer[V]
}

// above returns an empty layer above l.
func (l *layer[V]) above() layer[V] { return layer[V]{below: l} }

// get returns the value of a key, or the zero value if no layer has it.
func (l *layer[V]) get(key string) V {
	v, _ := l.lookUp(key)
	return v
}

// lookUp returns the value of a key, and reports whether a layer has it.
func (l *layer[V]) lookUp(key string) (v V, ok bool) {
	for ; l != nil && !ok; l = l.below {
		v, ok = l.own[key]
	}
	return v, ok
}

// set gives a key a value in this layer.
func (l *layer[V]) set(key string, v V) {
	if l.own == nil {
		l.own = make(map[string]V)
	}
	l.own[key] = v
}

// all returns the entries of all layers.
func (l *layer[V]) all() iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		for ; l != nil; l = l.below {
			for key, v := range maps.All(l.own) {
				if !yield(key, v) {
					return
				}
			}
		}
	}
}
