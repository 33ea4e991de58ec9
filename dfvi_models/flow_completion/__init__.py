"""Flow inside holes, from the flow around them: one file for each method, and what they share."""
