"""One module a layout of export files."""
