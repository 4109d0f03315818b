"""The explorer: monthly series at places of the map, in a dock."""
