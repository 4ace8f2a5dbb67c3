"""Where objects come from beside the API: manifests in a directory, and at a URL."""
