"""CNI: networks that plug-ins make. Source: the CNI specification, 1.1.0, and its conventions."""
