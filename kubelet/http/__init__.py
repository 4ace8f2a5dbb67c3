"""HTTP/1.1 as the agent's servers speak it: small requests, answers at once or as a stream, connections taken over."""
