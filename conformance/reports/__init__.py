"""Reports of a run: JSON, JUnit, a page for a browser, and tables in a terminal."""
