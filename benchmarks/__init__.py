"""What the plugin reaches, measured: `make bench`."""
