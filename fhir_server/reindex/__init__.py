"""Search rows of stored resources: written for new parameters, compared and mended, beside all who read and write."""
