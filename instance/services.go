package instance

import (
	"context"
	"crypto/tls"
	"errors"

	"golang.org/x/sync/errgroup"

	"offlinestore/instance/settings"
)

// ServiceState is the state of a service that runs, or should run.
type ServiceState struct {
	Name    string `json:"name"`
	Running bool   `json:"running"`
	// Problem is the reason why it does not run, or a fault of a running one.
	Problem string `json:"problem,omitempty"`
}

// ProbeServices asks all services that the settings describe for their health.
func ProbeServices(ctx context.Context, s *settings.Settings) ([]ServiceState, error) {
	all, err := localEndpoints(s)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, endpointTimeout)
	defer cancel()
	// The probe asks only whether the service runs. Connections finds out whether devices would believe it.
	c := newProbeClient(&tls.Config{InsecureSkipVerify: true})
	defer c.CloseIdleConnections()
	states := make([]ServiceState, len(all))
	var wg errgroup.Group
	for i, e := range all {
		wg.Go(func() error {
			err := e.probe(ctx, c)
			var bad *answerError
			states[i] = ServiceState{Name: e.name, Running: err == nil || errors.As(err, &bad) && bad.ours}
			if err != nil {
				states[i].Problem = reasonOf(err)
			}
			return nil
		})
	}
	return states, wg.Wait()
}
