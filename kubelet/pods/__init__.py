"""The life of pods: what is seen of them in the runtime, what is to be done, and who does it."""
