"""What a report shows of the stored results of a run: facts of stages, numbers of frames, pictures."""
