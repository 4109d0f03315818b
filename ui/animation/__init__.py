"""Export of monthly maps as frames, an animated GIF or a video."""
