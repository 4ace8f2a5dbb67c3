"""CRI's ImageService over the store of firkin.oci."""
