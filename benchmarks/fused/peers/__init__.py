"""What runs in the peers' environment: other people's tools, loops by hand, and the peak of a core."""
