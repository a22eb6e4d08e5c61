"""What is asked: configurations, inputs, and what is known beforehand."""
