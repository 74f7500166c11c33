package cli

import "sync"

// Ordered holds back texts until the ones before them are printed, for work that is done side by side and reported in a fixed order.
type Ordered[K comparable] struct {
	print func(string)

	mu    sync.Mutex
	keys  []K // not yet printed
	texts map[K]string
}

// NewOrdered returns an Ordered that prints the texts in the order of keys.
func NewOrdered[K comparable](keys []K, print func(string)) *Ordered[K] {
	return &Ordered[K]{print: print, keys: append([]K{}, keys...), texts: make(map[K]string)}
}

// Add adds the text of a key, which may be empty, and prints the ones that are next.
func (o *Ordered[K]) Add(key K, text string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.texts[key] = text
	for len(o.keys) > 0 {
		next, ok := o.texts[o.keys[0]]
		if !ok {
			return
		}
		o.print(next)
		o.keys = o.keys[1:]
	}
}

// Flush prints the texts that still wait, because the work for one before them was interrupted.
func (o *Ordered[K]) Flush() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, k := range o.keys {
		o.print(o.texts[k])
	}
	o.keys = nil
}
