"""The page on which members see and decide what is done with their data, in Portuguese."""
