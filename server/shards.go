package server

import (
	"hash/maphash"
	"iter"
	"maps"
)

// shardCount is the number of maps that a change copies at most. A change of few keys copies a small part of a large map.
const shardCount = 1024

var shardSeed = maphash.MakeSeed()

// shards is a map that shares the unchanged parts of the one that it was made from. It does not change once an index has it.
type shards[V any] struct {
	parts []map[string]V
	// isOwn is set for the parts that are not shared. It is nil in a map that does not change any more.
	isOwn []bool
}

func shardOf(key string) int { return int(maphash.String(shardSeed, key) % shardCount) }

// edit returns a copy that can change. It shares all parts with s.
func (s *shards[V]) edit() shards[V] {
	out := shards[V]{make([]map[string]V, shardCount), make([]bool, shardCount)}
	copy(out.parts, s.parts)
	return out
}

// seal ends the changes.
func (s *shards[V]) seal() { s.isOwn = nil }

// lookUp returns the value of a key, and reports whether there is one.
func (s *shards[V]) lookUp(key string) (v V, ok bool) {
	if s.parts == nil {
		return v, false
	}
	v, ok = s.parts[shardOf(key)][key]
	return v, ok
}

// get returns the value of a key, or the zero value.
func (s *shards[V]) get(key string) V {
	v, _ := s.lookUp(key)
	return v
}

// own returns the part with a key, for a change.
func (s *shards[V]) own(key string) map[string]V {
	i := shardOf(key)
	if !s.isOwn[i] {
		s.isOwn[i] = true
		if s.parts[i] = maps.Clone(s.parts[i]); s.parts[i] == nil {
			s.parts[i] = make(map[string]V)
		}
	}
	return s.parts[i]
}

func (s *shards[V]) set(key string, v V) { s.own(key)[key] = v }

func (s *shards[V]) remove(key string) {
	if _, ok := s.lookUp(key); ok {
		delete(s.own(key), key)
	}
}

// all returns the entries in no order.
func (s *shards[V]) all() iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		for _, part := range s.parts {
			for key, v := range part {
				if !yield(key, v) {
					return
				}
			}
		}
	}
}
