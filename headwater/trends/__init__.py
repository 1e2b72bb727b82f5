"""What rings over time: series by hour and day, baselines, what happened, and what is expected next."""
