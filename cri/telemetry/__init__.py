"""What the server tells of itself: meters, their text for Prometheus, its health, and the endpoint that serves them."""
