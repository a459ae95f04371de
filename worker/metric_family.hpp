// Metrics in prometheus-cpp's terms, of which both Prometheus text and the rows of
// fraiseql_metrics() are made.
#pragma once

#include <prometheus/metric_family.h>

#include "worker/base/histogram.hpp"

namespace fsubs {

inline constexpr double kMicroseconds = 1e-6;  // in seconds

inline prometheus::ClientMetric Metric(double value) {
  prometheus::ClientMetric metric;
  // Both members exist whatever the family's type; the serialiser reads the one that fits.
  metric.gauge.value = value;
  metric.counter.value = value;
  return metric;
}

// Add what a histogram has, in seconds, to `*metric`.
inline void AddHistogram(const Histogram& histogram, prometheus::ClientMetric* metric) {
  prometheus::ClientMetric::Histogram& all = metric->histogram;
  constexpr size_t kBounds = Histogram::kBoundsUs.size();
  all.bucket.resize(kBounds);
  uint64_t count = 0;
  for (size_t i = 0; i < kBounds; ++i) {
    count += histogram.count(i);
    all.bucket[i].cumulative_count += count;
    all.bucket[i].upper_bound = static_cast<double>(Histogram::kBoundsUs[i]) * kMicroseconds;
  }
  all.sample_count += count + histogram.count(kBounds);
  all.sample_sum += static_cast<double>(histogram.sum_us()) * kMicroseconds;
}

}  // namespace fsubs
