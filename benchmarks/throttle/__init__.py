"""Ways to keep within a provider's limits, against a simulated provider. `python -m benchmarks.throttle`."""
