"""Containers from Python: `firkin.run`, like `subprocess.run`, and `firkin.Container`, like `subprocess.Popen`."""
