"""Results of runs: read, checked, shown as a page, and compared with earlier ones."""
