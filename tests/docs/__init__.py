"""The documentation is run: every example, every link, every generated page."""
