"""The tests of firkin, and what runs them: `run.py` runs everything, `vm` is the guest."""
