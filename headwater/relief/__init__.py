"""What stops the calls: notices and their answers, other measures, block entries, and whether the campaign died."""
