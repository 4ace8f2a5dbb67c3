"""Runtime handlers: who makes and runs the containers of a pod, this process or another OCI runtime."""
