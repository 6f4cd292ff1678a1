"""What Blueno's searches are compared with; run in the peers' environment of benchmarks/fused."""
