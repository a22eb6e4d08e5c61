"""The cases: configurations, their data, and the results known beforehand."""
