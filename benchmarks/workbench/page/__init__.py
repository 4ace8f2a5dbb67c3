"""Pages that are looked at in a browser or on paper: HTML and SVG made here, with nothing loaded from anywhere."""
