"""The ways in which sources are asked: a module each.

Each has ``list_files(source, wanted, client)``, which returns the files that a source has for a
region and a period, and may have ``fetch_file(client, file, target, progress, arrived)`` where more
is needed than a download.
"""
