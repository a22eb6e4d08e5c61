"""What a run found, as JSON, JUnit, a page, and in a terminal."""
