package server

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"offlinestore/blob"
)

// blobsCounted is how long the size of all blobs is good for. Counting lists all of them.
const blobsCounted = 5 * time.Minute

// countTime bounds the time of counting. Prometheus waits 10 seconds for all metrics.
const countTime = 5 * time.Second

// diskMetrics collects the figures of the file system with the blobs. It leaves out figures that can't be read.
type diskMetrics struct {
	blobs            *blob.Storage
	now              func() time.Time
	free, size, used *prometheus.Desc

	mu      sync.Mutex
	counted time.Time
	total   int64
}

func newDiskMetrics(blobs *blob.Storage, now func() time.Time) *diskMetrics {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc(prometheus.BuildFQName(namespace, "", name), help, nil, nil)
	}
	return &diskMetrics{blobs: blobs, now: now,
		free: desc("data_free_bytes", "Bytes that the file system of the data folder can still hold."),
		size: desc("data_size_bytes", "Size of the file system of the data folder."),
		used: desc("blob_bytes", "Bytes of all blobs."),
	}
}

// Describe implements [prometheus.Collector].
func (m *diskMetrics) Describe(to chan<- *prometheus.Desc) {
	to <- m.free
	to <- m.size
	to <- m.used
}

// Collect implements [prometheus.Collector].
func (m *diskMetrics) Collect(to chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, n int64) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(n))
	}
	if free, size, err := m.blobs.Space(); err == nil {
		gauge(m.free, free)
		gauge(m.size, size)
	}
	ctx, cancel := context.WithTimeout(context.Background(), countTime)
	defer cancel()
	if used, err := m.countBlobs(ctx); err == nil {
		gauge(m.used, used)
	}
}

func (m *diskMetrics) countBlobs(ctx context.Context) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	if age := now.Sub(m.counted); !m.counted.IsZero() && age >= 0 && age < blobsCounted {
		return m.total, nil
	}
	var total int64
	if err := m.blobs.List(ctx, func(i blob.Info) error {
		total += i.Size
		return nil
	}); err != nil {
		return 0, err
	}
	m.total, m.counted = total, now
	return total, nil
}
