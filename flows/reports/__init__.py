"""Tables, plots and pages that say what came of a run."""
