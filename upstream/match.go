package upstream

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// maxActions is the largest number of actions in one refresh request.
const maxActions = 50

// instanceKey returns the key of the action number i of a request. The store repeats it in the result.
func instanceKey(i int) string { return "download-" + strconv.Itoa(i+1) }

// batchesAtOnce bounds the answers to batches that are in memory, since one may have megabytes.
const batchesAtOnce = 4

// inBatches calls refresh with at most maxActions actions at a time, for some batches at once. It returns all results in the order
// of the actions, or the error of the first batch that has one.
func inBatches[A, R any](actions []A, refresh func([]A) ([]R, error)) ([]R, error) {
	batches := slices.Collect(slices.Chunk(actions, maxActions))
	parts, errs := make([][]R, len(batches)), make([]error, len(batches))
	var failed atomic.Bool
	var g errgroup.Group
	g.SetLimit(batchesAtOnce)
	for i, batch := range batches {
		g.Go(func() error {
			if failed.Load() {
				return nil
			}
			parts[i], errs[i] = refresh(batch)
			failed.CompareAndSwap(false, errs[i] != nil)
			return nil
		})
	}
	g.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return slices.Concat(parts...), nil
}

// matcher finds the result of each action in an answer, for snaps and for charms.
type matcher[A, R any] struct {
	key func(*R) string
	// validate reports why a result can't be the answer to an action.
	validate func(A, *R) error
	// describe names actions in an error.
	describe func([]A) string
}

// match returns the results in the order of the actions. Each action must have exactly one. refusal is the error for an answer that lacks
// one.
func (m matcher[A, R]) match(actions []A, results []R, refusal error) ([]R, error) {
	index := make(map[string]int, len(actions))
	for i := range actions {
		index[instanceKey(i)] = i
	}
	sorted := make([]R, len(actions))
	for i := range results {
		key := m.key(&results[i])
		at, ok := index[key]
		if !ok {
			return nil, fmt.Errorf("the store answered what was not asked, or twice: instance-key %.60q", key)
		}
		delete(index, key)
		if err := m.validate(actions[at], &results[i]); err != nil {
			return nil, fmt.Errorf("%s: %w", m.describe(actions[at:at+1]), err)
		}
		sorted[at] = results[i]
	}
	for i := range actions {
		if _, missing := index[instanceKey(i)]; missing {
			return nil, fmt.Errorf("%s: %w", m.describe(actions[i:i+1]), refusal)
		}
	}
	return sorted, nil
}

// refusalError returns the error for an action without a result. The code is empty unless the store refused the request as a whole.
func refusalError(code, message string) error {
	if code == "" && message == "" {
		return errors.New("the store did not answer it")
	}
	return fmt.Errorf("the store did not answer it: %s (%s)", clean(message), clean(code))
}
