"""What the public is told: totals by week. No number, no call, no person, no provider."""
